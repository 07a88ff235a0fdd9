package ledger

import (
	"slices"
	"strconv"
	"strings"
)

// The statements of this file are understood by SQLite and PostgreSQL alike.

const (
	// selectVersion is that of the tables.
	selectVersion = `SELECT COALESCE(max(version_id), 0) FROM ` + versions + ` WHERE is_applied`

	// touch changes nothing, and fails where nothing can be changed.
	touch = `DELETE FROM requests WHERE id = ''`

	// createOwner makes the table of a journal that names the store whose rows it has.
	createOwner = `CREATE TABLE IF NOT EXISTS owner (id integer NOT NULL PRIMARY KEY CHECK (id = 1), store text NOT NULL)`

	// claimOwner changes nothing where rows of another store are.
	claimOwner = `INSERT INTO owner (id, store) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET store = excluded.store
		WHERE owner.store = excluded.store OR NOT EXISTS (SELECT 1 FROM requests)`

	selectOwner = `SELECT store FROM owner`

	// owned are the rows of a journal if they are of that store.
	owned = `FROM requests WHERE (SELECT store FROM owner) = $1`

	selectCount = `SELECT count(*) ` + owned

	deleteRequests = `DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE time < $1 ORDER BY time LIMIT $2)`

	// deleteHour deletes the sums of one hour.
	deleteHour = `DELETE FROM hourly WHERE hour = (SELECT min(hour) FROM hourly WHERE hour < $1)`
)

// insertRequests inserts n rows, and returns the ids of those that were not there.
func insertRequests(n int) string {
	return insert("requests", columns, n) + " ON CONFLICT (id) DO NOTHING RETURNING id"
}

// addHourly adds n sums to those of hourly.
func addHourly(n int) string {
	var sets []string
	for _, m := range measures {
		sets = append(sets, m.name+" = hourly."+m.name+" + excluded."+m.name)
	}
	return insert("hourly", hourlyColumns(), n) + " ON CONFLICT (" + strings.Join(groupColumns, ", ") + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

func hourlyColumns() []string {
	names := slices.Clone(groupColumns)
	for _, m := range measures {
		names = append(names, m.name)
	}
	return names
}

func insert(table string, names []string, n int) string {
	text := []byte("INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES ")
	for i := range n * len(names) {
		switch {
		case i == 0:
			text = append(text, '(')
		case i%len(names) == 0:
			text = append(text, "), ("...)
		default:
			text = append(text, ", "...)
		}
		text = strconv.AppendInt(append(text, '$'), int64(i+1), 10)
	}
	return string(append(text, ')'))
}

// selectOldest selects the oldest rows.
func selectOldest() string {
	return "SELECT " + strings.Join(columns, ", ") + " " + owned + " ORDER BY time, id LIMIT $2"
}

// deleteByID deletes n rows by their id.
func deleteByID(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = "$" + strconv.Itoa(i+1)
	}
	return "DELETE FROM requests WHERE id IN (" + strings.Join(ids, ", ") + ")"
}
