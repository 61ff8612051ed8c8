import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { distributionDesk } from '../../../test/fakes/distribution-desk.ts'
import { type BrokenWheel, buildWheel, type WheelRecipe } from '../../../test/fakes/distributions.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { type ZipMember, zipBytes, type ZipShape } from '../../../test/fakes/zip-bytes.ts'
import { ensureDebianPackages } from '../../../test/services/install.ts'
import { bytesOf, digestOf, Fault, isFault, run } from '../../kit/index.ts'
import { readWheelMetadata } from './read-wheel.ts'

const KiB = 1024
const foo = { name: 'foo-bar', version: '1.0' }
const recipe: WheelRecipe = { name: 'Foo.Bar', version: '1.0', requires: ['baz>=1'], requiresPython: '>=3.9', extras: ['X_y'] }
const desk = distributionDesk()

async function read(bytes: Uint8Array, named = foo) {
  const put = await desk.put({ file: 'a.whl', bytes })
  desk.cost()
  return await readWheelMetadata(desk.store, put, named)
}

async function refuses(bytes: Uint8Array, reason: RegExp, named = foo): Promise<void> {
  await assert.rejects(read(bytes, named), (error) => {
    assert.ok(isFault(error, 'invalid'), String(error))
    assert.match(error.message, reason)
    assert.equal(error.at, 'memory:/a.whl')
    return true
  })
}

test('the METADATA of a wheel is given byte for byte, and read', async () => {
  const built = buildWheel(recipe)
  const { metadata, core, info } = await read(built.bytes)
  assert.equal(digestOf(metadata), built.metadataDigest)
  assert.deepEqual(core, { name: 'Foo.Bar', version: '1.0', requiresPython: '>=3.9', requires: ['baz>=1'], extras: ['x-y'] })
  assert.equal(info.size, built.bytes.byteLength)
})

for (const [what, more, gets, most] of [
  ['a wheel of a few KiB, whole', {}, 1, 2 * KiB],
  ['a large wheel, by its tail', { size: 3 << 20 }, 1, 66 * KiB],
  ['one of 64 bits', { size: 3 << 20, zip64: true }, 1, 66 * KiB],
  ['one that was written as a stream', { size: 3 << 20, streamed: true }, 1, 66 * KiB],
  ['one with a comment of 64 KiB', { size: 3 << 20, comment: Buffer.alloc(0xffff, 0x50) }, 1, 66 * KiB],
  ['one with METADATA at the front, and that', { size: 3 << 20, metadataFirst: true }, 2, 67 * KiB],
  ['one with METADATA as it is', { size: 3 << 20, storedMetadata: true }, 1, 66 * KiB],
] as const) {
  test(`${gets === 1 ? 'one request reads' : 'two requests read'} ${what}`, async () => {
    const built = buildWheel({ ...recipe, ...more })
    const { metadata } = await read(built.bytes)
    assert.equal(digestOf(metadata), built.metadataDigest)
    const cost = desk.cost()
    assert.equal(cost.gets, gets)
    assert.ok(cost.bytes <= most, `${cost.bytes}`)
  })
}

test('a directory of 20,000 entries is one request more, and METADATA before it another', async () => {
  const files = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`foo_bar/module_${at}.py`, 'x']))
  const built = buildWheel({ ...recipe, files, fields: ['Keywords: '.padEnd(200_000, 'gpu ')] })
  const { metadata } = await read(built.bytes)
  assert.equal(digestOf(metadata), built.metadataDigest)
  assert.equal(desk.cost().gets, 3)
})

test('the digest is known of what was read whole, and else where the place tells it', async () => {
  const small = buildWheel(recipe)
  assert.equal((await read(small.bytes)).info.digest, small.digest)
  const large = buildWheel({ ...recipe, size: 100_000 })
  assert.equal((await read(large.bytes)).info.digest, undefined)
  const put = await desk.put(large)
  assert.equal((await readWheelMetadata(desk.telling(large.digest), put, foo)).info.digest, large.digest)
})

test('a place that tells another digest than the bytes have gets the file refused, with both', async () => {
  const put = await desk.put(buildWheel(recipe))
  const told = digestOf('of what was there before')
  await assert.rejects(
    readWheelMetadata(desk.telling(told), put, foo),
    (error) => isFault(error, 'invalid') && error.message.includes(told),
  )
})

test('the folder may be spelled as the file, the project or a build tool spells it', async () => {
  for (const folder of ['Foo_Bar-1.0', 'foo.bar-1.0', 'foo_bar-1', 'FOO-BAR-1.0.0']) await read(zipOf(wheelMembers(folder)))
  await read(zipOf(wheelMembers('foo-1.0_1', '1.0.post1')), { name: 'foo', version: '1.0.post1' }).catch((error: unknown) =>
    assert.match(String(error), /says the name Foo\.Bar/),
  )
})

const reasons: Readonly<Record<BrokenWheel, RegExp>> = {
  'no-zip': /no zip, or damaged/,
  truncated: /no zip, or damaged/,
  'no-metadata': /no METADATA in "Foo_Bar-1\.0\.dist-info"/,
  'other-name': /the name somebody-else, the file's name says foo-bar/,
  'other-version': /the version 99\.9, the file's name says 1\.0/,
  'other-dist-info': /"other-1\.0\.dist-info" is not that of foo-bar 1\.0/,
  'two-dist-infos': /more than one \.dist-info folder: "Foo_Bar-1\.0\.dist-info", "other-1\.dist-info"/,
  'two-metadata': /two files "Foo_Bar-1\.0\.dist-info\/METADATA"/,
  bomb: /METADATA" is larger than its limit of 1048576 bytes/,
  encrypted: /is encrypted/,
  'unknown-method': /packed by the method 93/,
  'lying-size': /inflates to more than the zip says/,
  'lying-stored-size': /larger than its limit/,
  'lying-offset': /lies outside of the zip/,
  'lying-directory': /no zip, or damaged/,
  'bad-checksum': /its checksum is wrong/,
}

for (const [broken, reason] of Object.entries(reasons) as [BrokenWheel, RegExp][]) {
  test(`a wheel is refused: ${broken}`, async () => {
    await refuses(buildWheel({ ...recipe, broken }).bytes, reason)
    await refuses(buildWheel({ ...recipe, broken, size: 200_000 }).bytes, reason)
  })
}

const metadata = Buffer.from('Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n')

function wheelMembers(
  folder: string,
  version = '1.0',
  content: Uint8Array = Buffer.from(metadata.toString().replace('1.0', version)),
): ZipMember[] {
  return ['METADATA', 'WHEEL', 'RECORD'].map((name) => ({
    name: `${folder}.dist-info/${name}`,
    content: name === 'METADATA' ? content : Buffer.from('x'),
  }))
}

function zipOf(members: readonly ZipMember[], shape: ZipShape = {}): Uint8Array {
  return zipBytes(members, shape)
}

const whole = wheelMembers('foo_bar-1.0')
const evil: ZipMember = { name: 'evil-1.0.dist-info/METADATA', content: metadata }

test('what would read differently in two tools is refused: entries that are not counted, or stand behind the directory', async () => {
  await refuses(zipOf([...whole, evil], { says: { count: 3 } }), /another size or number of its entries/)
  await refuses(zipOf([...whole, evil], { says: { count: 3 }, zip64: true }), /another size or number of its entries/)
  const { byteLength } = zipOf(whole)
  await refuses(zipOf(whole, { says: { size: byteLength } }), /another size or number of its entries/)
  await refuses(Buffer.concat([Buffer.from('#!/bin/sh\n'), zipOf(whole)]), /no zip, or damaged/)
  await refuses(Buffer.concat([zipOf(whole), Buffer.from('more')]), /no zip, or damaged/)
})

test('what would read differently in two tools is refused: names with a zero, and headers that disagree', async () => {
  await refuses(zipOf([...whole, { name: 'foo_bar-1.0.dist-info/METADATA\0.txt', content: metadata }]), /in different ways/)
  const bytes = Buffer.from(zipOf(whole))
  bytes.write('METADATB', bytes.indexOf('METADATA'))
  await refuses(bytes, /header that says other things/)
})

test('names that lead out of the folder are refused', async () => {
  for (const name of ['../evil.py', '/etc/evil', 'a/../../evil', 'c:/evil', 'a\\..\\evil']) {
    await refuses(zipOf([...whole, { name, content: metadata }]), /no zip, or damaged: .*(?:path|characters)/)
  }
})

test('a name does no harm to a terminal', async () => {
  const wild = '\u001b[2Jx'.repeat(100)
  for (const bytes of [zipOf(wheelMembers(`${wild}-1.0`)), zipOf([...whole, { name: `../${wild}`, content: metadata }])]) {
    await assert.rejects(
      read(bytes),
      (error: Fault) => error.code === 'invalid' && !/\p{Cc}/u.test(error.message) && error.message.length < 400,
    )
  }
})

test('limits are stated: entries of a directory, and its size', async () => {
  await refuses(zipOf(whole, { zip64: true, says: { count: 100_001 } }), /100001 entries, more than the limit of 100000/)
  const bytes = Buffer.concat([Buffer.alloc(17 << 20), Buffer.from(zipOf(whole))])
  // The end record is the last 22 bytes.
  bytes.writeUInt32LE(5, bytes.byteLength - 6)
  await refuses(bytes, /directory of the zip is larger than the limit of 16777216 bytes/)
  assert.equal(desk.cost().gets, 1)
})

test('an empty object costs nothing to refuse', async () => {
  await refuses(new Uint8Array(0), /it is empty/)
  assert.equal(desk.cost().gets, 0)
})

test('a wheel that was replaced or removed since the listing is trouble, and says so', async () => {
  const seen = await desk.put(buildWheel({ ...recipe, size: 100_000 }))
  await desk.store.put(seen.key, bytesOf('another'))
  await assert.rejects(readWheelMetadata(desk.store, seen, foo), (error) => isFault(error, 'precondition'))
  await desk.store.delete(seen.key)
  await assert.rejects(readWheelMetadata(desk.store, seen, foo), (error) => isFault(error, 'not-found'))
})

test('trouble with the store is never the fault of the file', async () => {
  const seen = await desk.put(buildWheel({ ...recipe, size: 100_000, metadataFirst: true }))
  for (const [thrown, told] of [
    ['unavailable', 'unavailable'],
    ['corrupt', 'corrupt'],
    ['denied', 'denied'],
    ['aborted', 'aborted'],
    ['invalid', 'unavailable'],
  ] as const) {
    for (const nth of [1, 2]) {
      let gets = 0
      const store: typeof desk.store = {
        ...desk.store,
        async get(key, options) {
          if (++gets === nth) throw new Fault(thrown, 'there is no such bucket')
          return await desk.store.get(key, options)
        },
      }
      await assert.rejects(readWheelMetadata(store, seen, foo), (error) => isFault(error, told), `${thrown}, get ${nth}`)
    }
  }
  const ending = new AbortController()
  ending.abort()
  await assert.rejects(readWheelMetadata(desk.store, seen, foo, { signal: ending.signal }), (error) => isFault(error, 'aborted'))
})

test("Debian's own wheels are read, each with one request", async (t) => {
  try {
    await ensureDebianPackages(['python3-pip-whl', 'python3-setuptools-whl', 'python3-wheel-whl'])
  } catch (error) {
    if (isFault(error, 'unsupported')) return t.skip(`${error.message}: ${error.hint}`)
    throw error
  }
  const folder = '/usr/share/python-wheels'
  const files = readdirSync(folder).filter((file) => file.endsWith('.whl'))
  assert.ok(files.length >= 3)
  for (const file of files) {
    const [name, version] = file.split('-') as [string, string]
    const { core } = await read(readFileSync(path.join(folder, file)), { name, version })
    assert.deepEqual([core.name, core.version], [name, version])
    assert.match(core.requiresPython ?? '', /^>=3/)
    assert.ok(desk.cost().gets <= 2, file)
  }
})

test(`random bytes are refused (seed ${testSeed})`, async () => {
  const random = seededRandom(testSeed)
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(Float64Array.from({ length: 1 + Math.floor(random() * 40) }, random).buffer)
    // With the mark of an end record, so that it goes further.
    if (bytes.byteLength >= 24 && round % 2 === 0) bytes.writeUInt32LE(0x06054b50, bytes.byteLength - 22)
    if (bytes.byteLength >= 24 && round % 4 === 0) bytes.writeUInt16LE(0, bytes.byteLength - 2)
    await assert.rejects(read(bytes), (error) => isFault(error, 'invalid'), `round ${round}`)
  }
})

test(`of a damaged wheel, what is read is what Python reads of it, or it is refused (seed ${testSeed})`, async (t) => {
  if ((await run(['python3', '--version']).catch(() => undefined))?.status !== 0) return t.skip('python3 is not installed')
  const random = seededRandom(testSeed)
  const directory = scratchDirectory()
  const accepted: { file: string; digest: string }[] = []
  for (let round = 0; round < 600; round++) {
    const shape = round % 4
    const built = buildWheel({
      ...recipe,
      zip64: shape === 1,
      streamed: shape === 2,
      metadataFirst: shape === 3,
      size: round % 5 === 0 ? 70_000 : 0,
    })
    const bytes = mutated(Buffer.from(built.bytes), random)
    try {
      const { metadata: found } = await read(bytes)
      const file = path.join(directory, `${round}.whl`)
      writeFileSync(file, bytes)
      accepted.push({ file, digest: digestOf(found).slice(7) })
    } catch (error) {
      assert.ok(isFault(error, 'invalid'), `round ${round}: ${String(error)}`)
    }
    const cost = desk.cost()
    assert.ok(cost.gets <= 6 && cost.bytes < 1 << 20, `round ${round}: ${JSON.stringify(cost)}`)
  }
  assert.ok(accepted.length > 20)
  const program = `import sys, json, zipfile, hashlib
def look(file):
    try:
        z = zipfile.ZipFile(file)
        folders = {n.split("/", 1)[0] for n in z.namelist() if n.split("/", 1)[0].endswith(".dist-info")}
        if len(folders) != 1: return "folders: " + str(folders)
        return hashlib.sha256(z.read(folders.pop() + "/METADATA")).hexdigest()
    except Exception as e:
        return "refused " + repr(e)
print(json.dumps([look(f) for f in json.load(sys.stdin)]))`
  const { stdout } = await run(['python3', '-c', program], { input: bytesOf(JSON.stringify(accepted.map(({ file }) => file))) })
  const theirs = JSON.parse(stdout) as string[]
  accepted.forEach(({ file, digest }, index) => {
    if (!theirs[index]!.startsWith('refused')) assert.equal(theirs[index], digest, path.basename(file))
  })
})

/** A few bytes changed, mostly where the zip describes itself; or a piece taken out or doubled. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const anywhere = () => Math.floor(random() * bytes.byteLength)
  const inDirectory = () => Math.max(0, bytes.byteLength - 1 - Math.floor(random() * Math.min(700, bytes.byteLength)))
  if (random() < 0.15) {
    const [from, to] = [anywhere(), anywhere()].toSorted((a, b) => a - b) as [number, number]
    return random() < 0.5
      ? Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
      : Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  }
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
    bytes[random() < 0.8 ? inDirectory() : anywhere()] = random() < 0.3 ? 0 : Math.floor(random() * 256)
  }
  return bytes
}
