"""What a sender that outruns its receiver does to the memory of both."""
