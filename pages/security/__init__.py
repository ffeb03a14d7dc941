"""The gate of the house: who comes in, what they may bring, and how it is answered. (网络安全)"""
