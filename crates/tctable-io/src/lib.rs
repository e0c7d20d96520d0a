//! Frames in and out of the engine.
