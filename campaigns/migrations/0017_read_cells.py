from django.db import migrations

# campaigns.importing.values in SQL: the same cells are numbers and dates, and come to the same (tests/campaigns/test_filters.py). What
# Python takes for white space and, without regard to capitals, for a letter is written out, so that no locale matters.
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
    plain text;
    found text[];
    year integer;
    month integer;
    day integer;
BEGIN
    IF char_length(cell) > 40 OR cell !~ '[0-9]' THEN
        RETURN NULL;
    END IF;
    plain := btrim(regexp_replace(cell, '{SPACE}+', ' ', 'g'), ' ');
    found := regexp_match(plain, '^([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){MIDNIGHT}$');
    IF found IS NULL THEN
        found := regexp_match(plain, '^([0-9]{{1,2}})[-/. ]([0-9]{{1,2}})[-/. ]([0-9]{{4}}|[0-9]{{2}}){MIDNIGHT}$');
        IF found IS NOT NULL THEN
            found := CASE WHEN month_first THEN ARRAY[found[3], found[1], found[2]]
                ELSE ARRAY[found[3], found[2], found[1]] END;
        ELSE
            found := regexp_match(plain,
                '^([0-9]{{1,2}})[-/. ]?([a-zA-Z]{{3}}){LETTER}*[-/., ]*([0-9]{{4}}|[0-9]{{2}})$');
            found := ARRAY[found[3], array_position(
                ARRAY['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
                lower(found[2] COLLATE "C"))::text, found[1]];
        END IF;
    END IF;
    year := found[1]::integer
        + CASE WHEN char_length(found[1]) > 2 THEN 0 WHEN found[1]::integer <= 68 THEN 2000 ELSE 1900 END;
    month := found[2]::integer;
    day := found[3]::integer;
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
