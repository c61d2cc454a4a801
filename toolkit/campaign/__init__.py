"""A campaign: the plan that says which block is next, the runner that writes records, the progress that is shown."""
