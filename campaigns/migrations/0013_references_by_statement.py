import django.db.models.deletion
from django.db import migrations, models

# A list or an import that does not exist is refused as a foreign key would refuse it, once for all rows of a statement.
# The share lock keeps whoever deletes the list waiting until these people are committed, and then finds them.
REFERENCES = """
CREATE FUNCTION campaigns_contact_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing bigint;
BEGIN
    PERFORM FROM campaigns_contactlist WHERE id IN (SELECT DISTINCT contact_list_id FROM made) FOR KEY SHARE;
    SELECT contact_list_id INTO missing FROM (SELECT DISTINCT contact_list_id FROM made) AS given
        WHERE NOT EXISTS (SELECT FROM campaigns_contactlist WHERE id = contact_list_id) LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = 'there is no contact list ' || missing, TABLE = 'campaigns_contact';
    END IF;
    SELECT contact_import_id INTO missing FROM (SELECT DISTINCT contact_import_id FROM made) AS given
        WHERE contact_import_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM campaigns_contactimport WHERE id = contact_import_id) LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = 'there is no import ' || missing, TABLE = 'campaigns_contact';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION campaigns_contactlist_is_empty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone, campaigns_contact AS person WHERE person.contact_list_id = gone.id) THEN
        RAISE foreign_key_violation USING MESSAGE = 'people are on this contact list', TABLE = 'campaigns_contactlist';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER references_of_new AFTER INSERT ON campaigns_contact REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_contact_references();
CREATE TRIGGER empty_when_deleted AFTER DELETE ON campaigns_contactlist REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_contactlist_is_empty();
"""
NO_REFERENCES = """
DROP TRIGGER references_of_new ON campaigns_contact;
DROP TRIGGER empty_when_deleted ON campaigns_contactlist;
DROP FUNCTION campaigns_contact_references();
DROP FUNCTION campaigns_contactlist_is_empty();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0012_restores'),
    ]

    operations = [
        migrations.AlterField(
            model_name='contact',
            name='contact_import',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='campaigns.contactimport'),
        ),
        migrations.AlterField(
            model_name='contact',
            name='contact_list',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='campaigns.contactlist'),
        ),
        migrations.RunSQL(REFERENCES, NO_REFERENCES),
    ]
