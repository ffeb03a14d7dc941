"""Pages about money: the price list, a bill, refunds. (收费)"""
