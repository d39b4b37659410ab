-- last_move_at -- When the newest move was written.
SELECT at FROM moves ORDER BY id DESC LIMIT 1;
