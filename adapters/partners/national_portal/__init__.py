"""The national portal (Cổng Dịch vụ công Quốc gia), over REST through the exchange adapter or a provincial façade."""
