"""The records that the control side and the packet threads share: numpy structures without a pointer in them."""
