"""What an operator should look at: found by pure rules, kept as rows, told to those who asked for it."""
