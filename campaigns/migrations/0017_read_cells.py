from django.db import migrations

# campaigns.importing.values in SQL: the same cells are numbers and dates, and come to the same. What Python takes for
# white space and, without regard to capitals, for a letter is written out, so that no locale matters. Compared by
# tests/campaigns/test_filters.py.
SPACE = r"[\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
RUPEES = r"(?:₹|[rR][sS\u017f]\.?|[iI\u0130\u0131][nN][rR]|[$€£])"
WHOLE = "(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}|[0-9]+)"
LETTER = r"[a-zA-Z\u0130\u0131\u017f\u212a]"
MIDNIGHT = r"(?:[ T]00:00(?::00(?:\.0+)?)?)?"
READ = rf"""
CREATE FUNCTION campaigns_cell_number(cell text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF cell ~ '^[1-9][0-9]{{0,17}}$' THEN
        RETURN cell::numeric;
    END IF;
    IF char_length(cell) > 40 OR cell !~
        '^{SPACE}*[-\u2212]?{SPACE}*{RUPEES}?{SPACE}*{WHOLE}(?:\.[0-9]+)?{SPACE}*(?:/-)?{SPACE}*$' THEN
        RETURN NULL;
    END IF;
    RETURN replace(substring(cell from '[0-9][0-9,]*(?:\.[0-9]+)?'), ',', '')::numeric
        * CASE WHEN cell ~ '^{SPACE}*[-\u2212]' THEN -1 ELSE 1 END;
END $$;
CREATE FUNCTION campaigns_cell_date(cell text, month_first boolean) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text := cell;
    parts text[];
    year integer;
    month integer;
    day integer;
BEGIN
    IF char_length(cell) > 40 THEN
        RETURN NULL;
    END IF;
    -- No pattern captures: that is ten times as dear as only matching. White space is made plain for those cells only
    -- that are no date as they stand.
    FOR round IN 1..2 LOOP
        IF plain ~ '^[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}{MIDNIGHT}$' THEN
            parts := string_to_array(translate(plain, '/. T', '----'), '-');
            EXIT;
        END IF;
        IF plain ~ '^[0-9]{{1,2}}[-/. ][0-9]{{1,2}}[-/. ](?:[0-9]{{4}}|[0-9]{{2}}){MIDNIGHT}$' THEN
            parts := string_to_array(translate(plain, '/. T', '----'), '-');
            parts := CASE WHEN month_first THEN ARRAY[parts[3], parts[1], parts[2]]
                ELSE ARRAY[parts[3], parts[2], parts[1]] END;
            EXIT;
        END IF;
        IF plain ~ '^[0-9]{{1,2}}[-/. ]?[a-zA-Z]{{3}}{LETTER}*[-/., ]*(?:[0-9]{{4}}|[0-9]{{2}})$' THEN
            parts := ARRAY[substring(plain from '[0-9]+$'), array_position(
                ARRAY['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
                lower(substring(plain from '[a-zA-Z]{{3}}') COLLATE "C"))::text, substring(plain from '^[0-9]+')];
            EXIT;
        END IF;
        IF round = 2 OR cell !~ '{SPACE}' THEN
            RETURN NULL;
        END IF;
        plain := btrim(regexp_replace(cell, '{SPACE}+', ' ', 'g'), ' ');
    END LOOP;
    year := parts[1]::integer
        + CASE WHEN char_length(parts[1]) > 2 THEN 0 WHEN parts[1]::integer <= 68 THEN 2000 ELSE 1900 END;
    month := parts[2]::integer;
    day := parts[3]::integer;
    IF year >= 1 AND month BETWEEN 1 AND 12 AND day >= 1 THEN
        IF day <= date_part('day', make_date(year, month, 1) + interval '1 month' - interval '1 day') THEN
            RETURN make_date(year, month, day);
        END IF;
    END IF;
    RETURN NULL;
END $$;
"""
NOT_READ = """
DROP FUNCTION campaigns_cell_number(text);
DROP FUNCTION campaigns_cell_date(text, boolean);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0016_kept'),
    ]

    operations = [migrations.RunSQL(READ, NOT_READ)]
