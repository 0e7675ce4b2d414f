"""Plan or Report → text. Nothing here computes differences or prints."""
