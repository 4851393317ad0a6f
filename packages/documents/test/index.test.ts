import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isSilaneError } from '@silane/core'
import { getLoadablePath } from 'sqlite-vec'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createIndex, type DocumentIndex, type IndexAbout, openIndex, recall } from '../src/index.ts'
import { giveName, unnamedFile } from '../src/unnamed-file.ts'

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'silane-documents-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const about = (rest: Partial<IndexAbout> = {}): IndexAbout => ({
  documentModel: 'a',
  questionModel: 'b',
  dimension: 6,
  metric: 'cosine',
  chunking: null,
  versions: { silane: '1.0.0' },
  ...rest,
})

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5
  }
}

const vectors = (count: number, dimension: number, seed = 1): Float32Array[] => {
  const next = generator(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, next))
}

const filled = (file: string, rest: Partial<IndexAbout> = {}, count = 40): { index: DocumentIndex; all: Float32Array[] } => {
  const index = createIndex(file, about(rest))
  const all = vectors(count, index.about.dimension)
  index.add(all.map((vector, i) => ({ id: `d${i}`, text: `text ${i}`, title: `title ${i}`, source: 's', meta: { i }, vector })))
  return { index, all }
}

const failure = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (isSilaneError(error)) return `${error.code}: ${error.what}`
    throw error
  }
  throw new Error('no error')
}

describe.each(['cosine', 'dot'] as const)('search by %s', metric => {
  const score = (a: Float32Array, b: Float32Array): number => {
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, v, i) => sum + v * y[i]!, 0)
    return metric === 'dot' ? dot(a, b) : dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  test('gives the best first, with all that belongs to them', () => {
    const { index, all } = filled(join(folder(), 'x.sqlite'), { metric })
    const [query] = vectors(1, 6, 99) as [Float32Array]
    const expected = all.map((vector, i) => ({ id: `d${i}`, score: score(query, vector) })).sort((a, b) => b.score - a.score)
    const hits = index.search(query, { count: 7 })
    expect(hits.map(({ id }) => id)).toEqual(expected.slice(0, 7).map(({ id }) => id))
    for (const [i, hit] of hits.entries()) expect(hit.score).toBeCloseTo(expected[i]!.score, 5)
    const n = Number(hits[0]!.id.slice(1))
    expect(hits[0]).toMatchObject({ text: `text ${n}`, title: `title ${n}`, source: 's', meta: { i: n } })
    expect(index.search(query, { count: 1000 })).toHaveLength(40)
    index.close()
  })
  test('by bits finds nearly all, and scores them exactly', () => {
    const { index } = filled(join(folder(), 'x.sqlite'), { metric, dimension: 64 }, 500)
    const questions = vectors(8, 64, 5)
    expect(recall(index, questions)).toBeGreaterThan(0.98)
    const [exact, quick] = (['exact', 'bits'] as const).map(method => index.search(questions[0]!, { count: 3, method }))
    for (const [i, hit] of exact!.entries()) expect(quick![i]!.score).toBeCloseTo(hit.score, 5)
    index.close()
  })
})

test('a file is opened again, gains documents, and opens wherever sqlite-vec is linked', () => {
  const file = join(folder(), 'x.sqlite')
  const { index } = filled(file)
  expect([index.count(), index.finished, index.has('d3'), index.has('d99')]).toEqual([40, false, true, false])
  index.finish()
  expect(index.finished).toBe(true)
  index.close()
  const again = createIndex(file, about({ versions: { silane: '2.0.0' } }))
  again.add([{ id: 'new', text: 'more', vector: vectors(1, 6, 3)[0]! }])
  expect([again.count(), again.finished]).toEqual([41, false])
  again.close()
  const db = new DatabaseSync(file, { allowExtension: true, readOnly: true })
  db.loadExtension(getLoadablePath())
  expect(db.prepare('select count(*) as n from vectors').get()).toEqual({ n: 41 })
  db.close()
})

test('an index of another model, dimension or way of cutting is refused', () => {
  const file = join(folder(), 'x.sqlite')
  filled(file).index.close()
  for (const rest of [
    { documentModel: 'other' },
    { questionModel: 'other' },
    { dimension: 7 },
    { metric: 'dot' as const },
    { chunking: { tokens: 9, overlap: 1 } },
  ])
    expect(failure(() => createIndex(file, about(rest)))).toMatch(
      /^E_INDEX_MODEL: .* was made with another model: its \w+ is .*, and now it is /,
    )
})

test('vectors that are wider than an index holds are refused before there is one', () => {
  const file = join(folder(), 'x.sqlite')
  expect(failure(() => createIndex(file, about({ dimension: 8193 })))).toMatch(
    /^E_UNSUPPORTED: The vectors have 8193 elements; an index holds up to 8192/,
  )
  expect(existsSync(file)).toBe(false)
  createIndex(file, about({ dimension: 8192 })).close()
})

test('of documents that cannot all go in none goes in', () => {
  const { index } = filled(join(folder(), 'x.sqlite'))
  const [vector] = vectors(1, 6, 3) as [Float32Array]
  expect(
    failure(() =>
      index.add([
        { id: 'new', text: 'a', vector },
        { id: 'd1', text: 'b', vector },
      ]),
    ),
  ).toMatch(/^E_INDEX_FILE: .*UNIQUE/)
  expect(failure(() => index.add([{ id: 'new', text: 'a', vector: vector.subarray(1) }]))).toMatch(/^E_INDEX_VECTOR/)
  expect(failure(() => index.add([{ id: 'new', text: 'a', vector: new Float32Array(6).fill(Number.NaN) }]))).toMatch(/^E_INDEX_VECTOR/)
  expect(failure(() => index.search(vector.subarray(2)))).toMatch(/^E_INDEX_VECTOR/)
  expect([index.count(), index.has('new')]).toEqual([40, false])
  index.close()
})

test('what is no index says so', () => {
  const place = folder()
  const file = join(place, 'x.sqlite')
  expect(failure(() => openIndex(file))).toMatch(/^E_INDEX_FILE: .*there is no such file/)
  writeFileSync(file, 'hello, this is a text and nothing else')
  expect(failure(() => openIndex(file))).toMatch(/^E_INDEX_FILE: .*it is no SQLite file/)
  const other = join(place, 'other.sqlite')
  const db = new DatabaseSync(other)
  db.exec('create table notes(x)')
  db.close()
  expect(failure(() => openIndex(other))).toMatch(/^E_INDEX_FILE: .*it has the table "notes"/)
  const whole = join(place, 'whole.sqlite')
  filled(whole, { dimension: 64 }, 300).index.close()
  const size = readFileSync(whole).length
  for (const part of [0.05, 0.3, 0.6, 0.9, 0.99]) {
    const cut = join(place, 'cut.sqlite')
    copyFileSync(whole, cut)
    truncateSync(cut, Math.floor(size * part))
    const run = () => {
      const index = openIndex(cut)
      try {
        return index.search(vectors(1, 64, 9)[0]!, { count: 300 })
      } finally {
        index.close()
      }
    }
    expect(failure(run), `${part}`).toMatch(/^E_INDEX_FILE/)
  }
  const empty = createIndex(join(place, 'empty.sqlite'), about())
  expect(failure(() => empty.search(new Float32Array(6).fill(1)))).toMatch(/^E_INDEX_EMPTY/)
  empty.close()
})

test('what a process that was killed had begun to write is undone, also where the header tells of it already', () => {
  const file = join(folder(), 'x.sqlite')
  filled(file).index.close()
  const code = `
    import { DatabaseSync } from 'node:sqlite'
    const db = new DatabaseSync(${JSON.stringify(file)})
    // Pages leave the cache before the commit.
    db.exec('pragma cache_size = 1; pragma cache_spill = 1; begin immediate')
    for (let i = 0; i < 400; i++) db.prepare('insert into documents(id, text) values (?, ?)').run('x' + i, 'y'.repeat(20000))
    process.kill(process.pid, 'SIGKILL')`
  expect(spawnSync(process.execPath, ['--input-type=module', '--eval', code]).signal).toBe('SIGKILL')
  expect(existsSync(`${file}-journal`)).toBe(true)
  const bytes = readFileSync(file)
  bytes.writeUInt32BE(1 << 20, 28)
  writeFileSync(file, bytes)
  const index = openIndex(file)
  expect(index.count()).toBe(40)
  index.close()
})

test.skipIf(process.platform === 'win32')('pipes, folders and links in the place of an index or beside it are refused', () => {
  const place = folder()
  const [pipe, besidePipe, besideLink] = ['pipe', 'a', 'b'].map(name => join(place, name)) as [string, string, string]
  filled(besidePipe).index.close()
  filled(besideLink).index.close()
  expect(spawnSync('mkfifo', [pipe, `${besidePipe}-journal`]).status).toBe(0)
  const precious = join(place, 'precious')
  writeFileSync(precious, 'precious')
  symlinkSync(precious, `${besideLink}-wal`)
  // In a process of its own: who opens a pipe can wait for ever.
  const code = `
    import { createIndex, openIndex } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
    for (const file of ${JSON.stringify([pipe, besidePipe, besideLink, place])})
      for (const open of [openIndex, file => createIndex(file, ${JSON.stringify(about())})])
        try { open(file); console.log('opened') } catch (error) { console.log(error.code, error.what) }`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8', timeout: 10_000 })
  const beside = (end: string): string => `what is called the same with ${end} at its end is no file`
  const problems = [
    [pipe, 'it is no file'],
    [besidePipe, beside('-journal')],
    [besideLink, beside('-wal')],
    [place, 'it is no file'],
  ]
  expect(stdout).toBe(
    problems.map(([file, problem]) => `E_INDEX_FILE ${file} is no index that can be read: ${problem}.\n`.repeat(2)).join(''),
  )
  expect(readFileSync(precious, 'utf8')).toBe('precious')
})

test('a journal that names another file as the journal of several databases does not have it removed', () => {
  const place = folder()
  const file = join(place, 'x.sqlite')
  filled(file).index.close()
  const bytes = readFileSync(file)
  const pageSize = bytes.readUInt16BE(16) === 1 ? 65536 : bytes.readUInt16BE(16)
  for (const name of ['precious', 'precious-mjA1B2C3D4E']) {
    const precious = join(place, name)
    writeFileSync(precious, 'precious')
    // A header of 512 bytes that tells of no pages, and the record of a super-journal (sqlite.org/fileformat.html, §3; SQLite's pager.c).
    const magic = Buffer.from('d9d505f920a163d7', 'hex')
    const path = Buffer.from(precious)
    const numbers = (...all: readonly number[]): Buffer => Buffer.concat(all.map(n => Buffer.from(Uint32Array.of(n).buffer).swap32()))
    const header = Buffer.concat([magic, numbers(0, 0, bytes.length / pageSize, 512, pageSize), Buffer.alloc(512)]).subarray(0, 512)
    const sum = path.reduce((total, byte) => total + byte, 0)
    const record = Buffer.concat([numbers(0x40000000 / pageSize + 1), path, numbers(path.length, sum), magic])
    writeFileSync(`${file}-journal`, Buffer.concat([header, record]))
    const index = openIndex(file)
    expect(index.count()).toBe(40)
    index.close()
    expect(existsSync(`${file}-journal`), 'the journal was taken for one').toBe(false)
    expect(readFileSync(precious, 'utf8')).toBe('precious')
  }
})

test('an index that was not whole when the process was killed is made anew, and nothing of anybody else is removed', () => {
  const place = folder()
  const file = join(place, 'x.sqlite')
  const host = hostname().replace(/[^A-Za-z0-9]+/g, '_')
  const { pid: ended } = spawnSync(process.execPath, ['--version'])
  const left = [ended, `${ended}-journal`, process.pid].map(name => `.x.sqlite.silane-new-${host}-${name}`)
  const others = [
    'x.sqlite.new',
    'x.sqlite.new-journal',
    `.x.sqlite.silane-new-${host}-${process.ppid}`,
    `.x.sqlite.silane-new-elsewhere-${ended}`,
    `.x.sqlite.silane-new-${host}-${ended}.txt`,
    `.y.sqlite.silane-new-${host}-${ended}`,
  ]
  for (const name of [...left, ...others]) writeFileSync(join(place, name), 'SQLite format 3')
  const { index } = filled(file)
  expect(index.count()).toBe(40)
  index.close()
  expect(readdirSync(place).sort()).toEqual([...others, 'x.sqlite'].sort())
})

test('of two processes that make one index at once one makes it, and the other goes on with it', () => {
  const place = folder()
  const file = join(place, 'x.sqlite')
  const first = unnamedFile(file)
  writeFileSync(first, 'first')
  expect(giveName(first, file)).toBe(true)
  writeFileSync(first, 'second')
  expect(giveName(first, file)).toBe(false)
  expect([readFileSync(file, 'utf8'), readdirSync(place)]).toEqual(['first', ['x.sqlite']])
})

test('a process that is killed loses what it had not committed, and nothing else', async () => {
  const file = join(folder(), 'x.sqlite')
  const code = `
    import { createIndex } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
    const index = createIndex(${JSON.stringify(file)}, ${JSON.stringify(about({ dimension: 64 }))})
    for (let batch = 0; ; batch++) {
      index.add(Array.from({ length: 20 }, (_, i) => ({ id: batch + '-' + i, text: 't', vector: new Float32Array(64).fill(batch + i + 1) })))
      console.log(batch)
    }`
  for (let turn = 0; turn < 3; turn++) {
    rmSync(file, { force: true })
    rmSync(`${file}-journal`, { force: true })
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const written = await new Promise<number>(done => {
      let last = -1
      child.stdout.on('data', chunk => {
        last = Number(String(chunk).trim().split('\n').at(-1))
        if (last >= 3 + turn) child.kill('SIGKILL')
      })
      child.on('exit', () => done(last))
    })
    const index = openIndex(file)
    expect(index.count() % 20).toBe(0)
    expect(index.count()).toBeGreaterThanOrEqual(20 * written)
    expect(index.search(new Float32Array(64).fill(1), { count: 5 })).toHaveLength(5)
    index.close()
  }
}, 30_000)

test.each([
  [
    'a view over an endless query',
    'alter table documents rename to d; create view documents as with recursive r(x) as (select 1 union all select x + 1 from r) select x as number from r',
  ],
  ['a trigger', 'create trigger t after insert on about begin delete from documents; end'],
  ['a table besides', 'create table other(x)'],
  ['an index of its own', 'create index i on documents(text)'],
  ['other columns', 'alter table documents add column x'],
  ['no table', 'drop table about'],
])('an index that holds %s is refused before anything is asked of it', (_, sql) => {
  const file = join(folder(), 'i.sqlite')
  filled(file).index.close()
  const db = new DatabaseSync(file, { allowExtension: true })
  db.loadExtension(getLoadablePath())
  db.exec(sql)
  db.close()
  expect(failure(() => openIndex(file))).toMatch(/^E_INDEX_FILE: .*(?:it has the|its tables are not those of an index)/)
})

test('JSON in the tables is read with care', () => {
  const edited = (sql: string): string => {
    const file = join(folder(), 'i.sqlite')
    filled(file).index.close()
    const db = new DatabaseSync(file)
    db.exec(sql)
    db.close()
    return file
  }
  for (const sql of [`update about set value = '{' where key = 'metric'`, `update about set value = '0.5' where key = 'dimension'`])
    expect(failure(() => openIndex(edited(sql)))).toContain('E_INDEX_FILE')
  const index = openIndex(edited(`update documents set meta = '{'`))
  onTestFinished(() => index.close())
  expect(failure(() => index.search(new Float32Array(6).fill(1)))).toMatch(/^E_INDEX_FILE: .*the meta of document \d+: it is no JSON/)
  const deep = openIndex(edited(`update documents set meta = '${'['.repeat(5000)}${']'.repeat(5000)}'`))
  onTestFinished(() => deep.close())
  expect(failure(() => deep.search(new Float32Array(6).fill(1)))).toMatch(/^E_INDEX_FILE: .*nested too deep/)
  const key = (value: string) => `update about set value = ${value} where key = 'versions'`
  expect(failure(() => openIndex(edited(key(`'${'['.repeat(5000)}${']'.repeat(5000)}'`))))).toMatch(/^E_INDEX_FILE: .*nested too deep/)
})

/** An index whose tables somebody changed. */
const changed = (change: (db: DatabaseSync) => void, rest: Partial<IndexAbout> = {}): string => {
  const file = join(folder(), 'i.sqlite')
  filled(file, rest).index.close()
  const db = new DatabaseSync(file)
  change(db)
  db.close()
  return file
}

test.each([
  ['a text that is bytes', 'update documents set text = zeroblob(1000)', /the text of document \d+ is no text/],
  ['a title that is a number', "update documents set title = x'ff00fe'", /the title of document \d+ is no text/],
  ['a meta of bytes', "update documents set meta = x'5b5d'", /the meta of document \d+ is no text/],
  [
    'a text of 81 MB',
    'update documents set text = cast(zeroblob(81000000) as text) where number = 1',
    /the text of document 1 is no text, or longer/,
  ],
])('an index with %s is refused when it is met', (_, sql, problem) => {
  const index = openIndex(changed(db => db.exec(sql)))
  onTestFinished(() => index.close())
  expect(failure(() => index.search(new Float32Array(6).fill(1), { count: 40 }))).toMatch(problem)
})

test.each([
  [
    'what it is of is longer than is read',
    "update about set value = cast(zeroblob(100000) as text) where key = 'documentModel'",
    /its documentModel is no text, or longer/,
  ],
  ['what it is of is a number', "update about set value = x'00' where key = 'documentModel'", /its documentModel is no text/],
])('an index is not opened where %s', (_, sql, problem) => {
  expect(failure(() => openIndex(changed(db => db.exec(sql))))).toMatch(problem)
})

test('a schema of megabytes is not looked at', () => {
  const file = changed(db => db.exec(`create table other(x /* ${'x'.repeat(1_000_000)} */)`))
  expect(failure(() => openIndex(file))).toMatch(/^E_INDEX_FILE: .*its tables are not those of an index/)
})

test('numbers that JavaScript has not, and vectors that are told of and not there, are the fault of the file', () => {
  const big = changed(db => {
    db.exec(`update documents set number = ${2n ** 62n} where number = 1; update vectors_rowids set rowid = ${2n ** 62n} where rowid = 1`)
    const { rowids } = db.prepare('select rowids from vectors_chunks').get() as { rowids: Uint8Array }
    new DataView(rowids.buffer).setBigInt64(0, 2n ** 62n, true)
    db.prepare('update vectors_chunks set rowids = ?').run(rowids)
  })
  const absent = changed(db => db.exec(`update vectors_chunks set validity = x'${'ff'.repeat(16)}'`))
  for (const [file, problem] of [
    [big, /too large to be represented/],
    [absent, /it tells of a vector \d+ that is not there/],
  ] as const) {
    const index = openIndex(file)
    onTestFinished(() => index.close())
    expect(failure(() => index.search(new Float32Array(6).fill(1), { count: 100, method: 'bits' }))).toMatch(/^E_INDEX_FILE/)
    expect(failure(() => index.search(new Float32Array(6).fill(1), { count: 100, method: 'bits' }))).toMatch(problem)
  }
})

test.each([0, 5, 130, 299])('a vector of zeros, here number %i, is like nothing, and hides no other', zero => {
  const index = createIndex(join(folder(), 'x.sqlite'), about())
  onTestFinished(() => index.close())
  const all = vectors(300, 6, 7).with(zero, new Float32Array(6))
  index.add(all.map((vector, i) => ({ id: `d${i}`, text: 't', vector })))
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, v, i) => sum + v * y[i]!, 0)
  for (const query of vectors(10, 6, 99)) {
    const scores = all.map(vector => dot(query, vector) / (Math.sqrt(dot(query, query) * dot(vector, vector)) || 1))
    const expected = scores.map((score, i) => ({ id: `d${i}`, score })).sort((a, b) => b.score - a.score)
    for (const count of [5, 300])
      expect(index.search(query, { count }).map(({ id }) => id)).toEqual(expected.slice(0, count).map(({ id }) => id))
  }
  expect(index.search(new Float32Array(6)).map(({ score }) => score)).toEqual([0, 0, 0, 0, 0])
})

test.each(['cosine', 'dot'] as const)('vectors by %s that are not finite are the fault of the file, and no hits', metric => {
  const broken = (value: number, from: number, to: number) =>
    changed(
      db => {
        const { rowid, vectors } = db.prepare('select rowid, vectors from vectors_vector_chunks00').get() as {
          rowid: number
          vectors: Uint8Array
        }
        new Float32Array(vectors.buffer).fill(value, from, to)
        db.prepare('update vectors_vector_chunks00 set vectors = ? where rowid = ?').run(vectors, rowid)
      },
      { metric },
    )
  for (const file of [broken(Number.NaN, 0, 240), broken(Number.POSITIVE_INFINITY, 0, 240), broken(Number.NaN, 7, 8)]) {
    const index = openIndex(file)
    onTestFinished(() => index.close())
    for (const method of ['exact', 'bits'] as const)
      expect(failure(() => index.search(new Float32Array(6).fill(1), { count: 40, method }))).toMatch(
        /^E_INDEX_FILE: .*vector \d+ has elements that are not finite/,
      )
  }
})

test('a document that could not be read again is not taken', () => {
  const index = createIndex(join(folder(), 'x.sqlite'), about())
  onTestFinished(() => index.close())
  const text = 'x'.repeat(80_000_001)
  expect(failure(() => index.add([{ id: 'a', text, vector: vectors(1, 6)[0]! }]))).toMatch(/^E_DOCUMENTS: .*more than 80000000 bytes/)
  expect(index.count()).toBe(0)
})
