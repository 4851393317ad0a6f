import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Random } from '../random.ts'
import { mutateBytes } from './bytes.ts'
import { HOSTILE, jsonText } from './json.ts'

/** What somebody may do to an index with SQLite itself. Tables of sqlite-vec are changed by the plain tables below them. */
const STATEMENTS: readonly string[] = [
  'delete from about',
  'drop table about',
  'drop table documents',
  'delete from documents',
  'delete from documents where number = 1',
  "update documents set text = ''",
  'update documents set text = zeroblob(1000)',
  "update documents set meta = '{'",
  "update documents set meta = '[[[[1]]]]', title = zeroblob(3), source = 7",
  'update documents set number = number + 1000',
  "insert into documents(number, id, text) values (9223372036854775807, 'far', 'x')",
  'alter table documents rename column text to body',
  'create trigger t after update on about begin delete from documents; end',
  'alter table documents rename to d; create view documents as select * from d, d as e, d as f, d as g',
  'alter table documents rename to d; create view documents as with recursive n(i) as (select 1 union all select i + 1 from n) select i as number, i as id, i as source, i as title, i as text, i as meta from n',
  'update vectors_rowids set chunk_offset = 100000',
  'update vectors_rowids set chunk_id = 77',
  'update vectors_chunks set size = 1000000',
  'update vectors_chunks set validity = zeroblob(1)',
  'update vectors_chunks set rowids = zeroblob(7)',
  'update vectors_vector_chunks00 set vectors = zeroblob(3)',
  'update vectors_vector_chunks00 set vectors = zeroblob(1000000)',
  'delete from vectors_vector_chunks00',
  'delete from vectors_vector_chunks01',
  'drop table vectors_rowids',
  'delete from vectors_info',
  "pragma writable_schema = on; update sqlite_schema set sql = replace(sql, 'float[', 'float[9') where name = 'vectors'",
  "pragma writable_schema = on; update sqlite_schema set sql = 'create table about(key, value, x as (1))' where name = 'about'",
  "pragma writable_schema = on; update sqlite_schema set rootpage = 1 where name = 'documents'",
  'pragma user_version = 77',
]

/** Changes the index in a file: its pages, or its tables with SQLite. */
export function mutateSqlite(file: string, random: Random): void {
  if (random.once(2)) {
    const bytes = readFileSync(file)
    // The header and the first page say what everything else is; pages have 64 kB.
    const within = random.pick([100, 2000, 65536, bytes.length])
    writeFileSync(file, mutateBytes(bytes, random, Math.min(within, bytes.length)))
    return
  }
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  try {
    for (let count = 1 + random.int(2); count > 0; count--) {
      if (random.once(2)) {
        const keys = [
          'schema',
          'documentModel',
          'questionModel',
          'dimension',
          'metric',
          'chunking',
          'versions',
          'finished',
          '__proto__',
          'constructor',
        ]
        const value = random.once(8) ? random.pick(['{', '', 'NaN', '['.repeat(50_000), 'undefined']) : jsonText(random.pick(HOSTILE)())
        db.prepare('insert or replace into about values (?, ?)').run(random.pick(keys), value)
      } else db.exec(random.pick(STATEMENTS))
    }
  } catch {
    // One change may stand in the way of the next: what there is is changed enough.
  } finally {
    db.close()
  }
}
