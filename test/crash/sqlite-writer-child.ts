/** A process to be killed: writes to an SQLite database in WAL mode, a row in each transaction, until it is ended. Argument: the file. */
import { DatabaseSync } from 'node:sqlite'

const database = new DatabaseSync(process.argv[2]!)
database.exec('pragma journal_mode = wal; pragma synchronous = off; create table if not exists rows (id integer primary key, text text)')
const insert = database.prepare('insert into rows (text) values (?)')
const add = () => {
  insert.run('x'.repeat(500))
  setImmediate(add)
}
add()
process.stdout.write('writes\n')
