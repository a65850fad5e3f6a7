"""Pictures of the past, for a chat: the one home of matplotlib, which is an optional extra."""
