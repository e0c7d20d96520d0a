mod stage;
mod walk;
