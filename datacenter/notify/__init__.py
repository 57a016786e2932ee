"""Word to people who are not looking: rules, mail, webhooks, and what became of each delivery."""
