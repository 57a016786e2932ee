"""People: how they come in, what they prove, where they are signed in, and who looks after their accounts."""
