-- Holds are taken away a while after they expired.
ALTER TABLE payment_hold ADD KEY payment_hold_expires (expires_ms);
