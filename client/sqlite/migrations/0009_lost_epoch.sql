-- The newest epoch that the log behind a loss spoke of, by the hub's word alone.

ALTER TABLE rooms ADD COLUMN lost_epoch INTEGER;
UPDATE rooms SET lost_epoch = epoch WHERE lost_seq IS NOT NULL;
