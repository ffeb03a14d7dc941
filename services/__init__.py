"""What the house does: one service a use case, the rules, and what they need from outside."""
