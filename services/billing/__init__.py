"""What it costs, who pays, and the invoice (收费)."""
