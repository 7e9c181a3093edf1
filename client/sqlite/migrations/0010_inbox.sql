-- Which inbox entries were taken the server is told for each frame: an entry that comes again is
-- known by what it leads to.

ALTER TABLE account DROP COLUMN inbox;
