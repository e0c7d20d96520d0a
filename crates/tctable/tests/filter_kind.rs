//! A kind of filter of the library's user, in the kernel's places: made by requests, asked for packets, listed, deleted.

use std::collections::BTreeMap;

use tctable::packet::DeviceId;
use tctable::sched::{
    ActionVerdict, ChangeContext, ClassId, Classifier, Config, DeviceConfig, EtherType, FilterContext, FilterDump,
    FilterError, FilterOptions, FilterQuery, FilterRequest, FilterStatistics, Flags, Handle, Match, Offer,
    OptionsError, PrioOptions, QdiscOptions, QdiscRequest, Scheduler, Skb, ViewContext,
};
use tctable::time::Instant;

const DEVICE: DeviceId = DeviceId(0);
const NOW: Instant = Instant::from_secs(1);

/// Packets by their length: a filter's options are the most bytes that a packet has, and its class, as two big-endian
/// numbers of 32 bits.
#[derive(Debug, Default)]
struct Length {
    filters: BTreeMap<u32, (u32, Handle, u64)>,
}

impl Classifier for Length {
    fn kind(&self) -> &str {
        "length"
    }

    fn classify(&mut self, _: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match> {
        let (_, class, matched) = self.filters.values_mut().find(|(most, ..)| skb.len <= *most)?;
        *matched += 1;
        Some(Match { class: *class, verdict: ActionVerdict::Ok })
    }

    fn has(&self, _: &ViewContext<'_>, handle: u32) -> bool {
        self.filters.contains_key(&handle)
    }

    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        _: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError> {
        let FilterOptions::Other { options, .. } = options else { return Err(OptionsError::OtherKind.into()) };
        let [a, b, c, d, e, f, g, h] = **options else { return Err(OptionsError::Invalid("eight bytes").into()) };
        let class = Handle(u32::from_be_bytes([e, f, g, h]));
        context.name(Some(class));
        let before = self.filters.insert(handle, (u32::from_be_bytes([a, b, c, d]), class, 0));
        context.release(before.map(|(_, class, _)| class));
        Ok(handle)
    }

    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
        let (_, class, _) = self.filters.remove(&handle).ok_or(FilterError::NotFound)?;
        context.release(Some(class));
        Ok(self.filters.is_empty())
    }

    fn clear(&mut self, context: &mut ChangeContext<'_>) {
        std::mem::take(&mut self.filters).into_values().for_each(|(_, class, _)| context.release(Some(class)));
    }

    fn handle_after(&self, _: &ViewContext<'_>, handle: u32) -> Option<u32> {
        self.filters.range(handle + 1..).next().map(|(handle, _)| *handle)
    }

    fn view(&self, _: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)> {
        let (most, class, matched) = *self.filters.get(&handle)?;
        Some((options(most, class), FilterStatistics { matched, ..FilterStatistics::default() }))
    }
}

fn options(most: u32, class: Handle) -> FilterOptions {
    let bytes = [most.to_be_bytes(), class.0.to_be_bytes()].concat();
    FilterOptions::Other { kind: "length".into(), options: bytes.into() }
}

fn request(handle: u32, options: FilterOptions) -> FilterRequest {
    let parent = Handle::new(1, 0);
    FilterRequest { device: DEVICE, parent, protocol: EtherType::ALL, priority: 10, chain: 0, handle, options }
}

fn class_of(scheduler: &mut Scheduler, len: u32) -> Option<ClassId> {
    let mut skb = Skb {
        token: 0,
        data: &[],
        network_offset: 0,
        protocol: 0x0800,
        len,
        info: None,
        mark: 0,
        priority: 0,
        input: None,
        ct: None,
        host: None,
    };
    match scheduler.offer(NOW, DEVICE, &mut skb) {
        Offer::Queued { class } => class,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kind_of_ones_own() {
    let mut scheduler = Scheduler::new(Config::default());
    scheduler.add_device(DEVICE, DeviceConfig::default()).unwrap();
    let prio = QdiscRequest {
        device: DEVICE,
        parent: Handle::ROOT,
        handle: Handle::new(1, 0),
        spec: QdiscOptions::Prio(PrioOptions::default()).into(),
    };
    scheduler.set_qdisc(NOW, &prio, Flags::ADD).unwrap();
    let class = |minor| Handle::new(1, minor);

    let unknown = scheduler.set_filter(NOW, &request(1, options(100, class(1))), Flags::ADD);
    assert_eq!(unknown.unwrap_err().to_string(), "no such kind of filter");
    scheduler.filter_kinds().register("length", || Box::<Length>::default());

    scheduler.set_filter(NOW, &request(1, options(100, class(1))), Flags::ADD).unwrap();
    scheduler.set_filter(NOW, &request(2, options(1000, class(3))), Flags::ADD).unwrap();
    let again = scheduler.set_filter(NOW, &request(2, options(1000, class(3))), Flags::ADD);
    assert_eq!(again.unwrap_err().errno(), tctable::sched::Errno::EEXIST);
    let wrong = FilterOptions::Other { kind: "length".into(), options: [1, 2].into() };
    assert!(scheduler.set_filter(NOW, &request(3, wrong), Flags::ADD).is_err());

    assert_eq!(class_of(&mut scheduler, 60), Some(class(1).into()));
    assert_eq!(class_of(&mut scheduler, 800), Some(class(3).into()));
    // Nobody knows it: by its priority it is in the second band.
    assert_eq!(class_of(&mut scheduler, 1400), Some(class(2).into()));

    let listed = scheduler.dump_filters(&mut FilterDump::new(DEVICE, Handle::UNSPEC), usize::MAX);
    let listed: Vec<_> = listed.iter().map(|entry| (entry.view.key.handle, entry.view.statistics.matched)).collect();
    assert_eq!(listed, [(0, 0), (1, 1), (2, 1)]);

    let query = FilterQuery {
        device: DEVICE,
        parent: Handle::new(1, 0),
        protocol: EtherType::UNSPEC,
        priority: 10,
        chain: 0,
        handle: 1,
        kind: Some("length".into()),
    };
    scheduler.delete_filter(NOW, &query).unwrap();
    assert_eq!(class_of(&mut scheduler, 60), Some(class(3).into()));
}
