import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { distributionDesk } from '../../../test/fakes/distribution-desk.ts'
import { type BrokenSdist, buildSdist, type SdistRecipe } from '../../../test/fakes/distributions.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { tarBytes } from '../../../test/fakes/tar-bytes.ts'
import { bytesFrom, bytesOf, digestOf, Fault, isFault } from '../../kit/index.ts'
import { readSdist } from './read-sdist.ts'

const foo = { name: 'foo-bar', version: '1.0' }
const recipe: SdistRecipe = { name: 'Foo.Bar', version: '1.0', requires: ['baz>=1'], requiresPython: '>=3.9', extras: ['X_y'] }
const core = { name: 'Foo.Bar', version: '1.0', requiresPython: '>=3.9', requires: ['baz>=1'], extras: ['x-y'] }
const desk = distributionDesk()

async function read(bytes: Uint8Array, file = 'a.tar.gz') {
  const put = await desk.put({ file, bytes })
  desk.cost()
  return await readSdist(desk.store, put, foo)
}

async function refuses(bytes: Uint8Array, reason: RegExp, file?: string): Promise<void> {
  await assert.rejects(read(bytes, file), (error) => {
    assert.ok(isFault(error, 'invalid'), String(error))
    assert.match(error.message, reason)
    return true
  })
}

const tarball = (...members: Parameters<typeof tarBytes>[0]) => gzipSync(tarBytes(members))
const info = Buffer.from('Metadata-Version: 2.1\nName: foo.bar\nVersion: 1.0.0\n')

for (const tar of ['ustar', 'pax', 'gnu', 'v7'] as const) {
  test(`a .tar.gz (${tar}) is read once, for its digest and its PKG-INFO`, async () => {
    const built = buildSdist({ ...recipe, tar, size: 3 << 20 })
    const found = await read(built.bytes)
    assert.deepEqual(found.core, core)
    assert.equal(found.digest, built.digest)
    assert.equal(found.info.digest, built.digest)
    assert.deepEqual(desk.cost(), { gets: 1, bytes: built.bytes.byteLength })
  })
}

test('a small .zip is read once, a large one once and its end again', async () => {
  const small = buildSdist({ ...recipe, form: 'zip' })
  assert.deepEqual((({ digest, core }) => ({ digest, core }))(await read(small.bytes, 'a.zip')), { digest: small.digest, core })
  assert.deepEqual(desk.cost(), { gets: 1, bytes: small.bytes.byteLength })
  const large = buildSdist({ ...recipe, form: 'zip', size: 3 << 20 })
  assert.equal((await read(large.bytes, 'a.zip')).digest, large.digest)
  const { gets, bytes } = desk.cost()
  assert.equal(gets, 3)
  assert.ok(bytes < large.bytes.byteLength + 68 * 1024)
})

test('one without PKG-INFO is taken, with what its name says', async () => {
  for (const form of ['tar.gz', 'zip'] as const) {
    const built = buildSdist({ ...recipe, form, broken: 'no-metadata' })
    const found = await read(built.bytes, `a.${form}`)
    assert.deepEqual(found.core, { name: 'foo-bar', version: '1.0', requires: [], extras: [] })
    assert.equal(found.digest, built.digest)
  }
})

test('only the PKG-INFO of the top folder counts, whatever the folder is called and wherever it stands', async () => {
  const other = { name: 'foo-1/foo.egg-info/PKG-INFO', content: Buffer.from('Name: other\nVersion: 9\n') }
  const found = await read(tarball(other, { name: 'PKG-INFO', content: other.content }, { name: './anything/PKG-INFO', content: info }))
  assert.deepEqual(found.core, { name: 'foo.bar', version: '1.0.0', requires: [], extras: [] })
  const linked = await read(tarball({ name: 'foo-1/PKG-INFO', type: '2', link: '/etc/passwd' }))
  assert.equal(linked.core.name, 'foo-bar')
})

const reasons: Readonly<Record<BrokenSdist, [tar: RegExp, zip: RegExp]>> = {
  'no-archive': [/no gzip file, or damaged/, /no zip, or damaged/],
  truncated: [/it ends early/, /no zip, or damaged/],
  'no-metadata': [/never/, /never/],
  'other-name': [/the name somebody-else/, /the name somebody-else/],
  'other-version': [/the version 99\.9/, /the version 99\.9/],
  bomb: [/inflates to more than the limit of 67108864 bytes, 100 times its size/, /larger than its limit/],
  'big-metadata': [/PKG-INFO is larger than its limit of 1048576 bytes/, /larger than its limit/],
  'lying-size': [/PKG-INFO is larger than its limit/, /larger than its limit/],
  'bad-header': [/not a tar archive, or damaged/, /never/],
}

for (const [broken, [tar, zip]] of Object.entries(reasons) as [BrokenSdist, [RegExp, RegExp]][]) {
  if (broken === 'no-metadata') continue
  test(`a source distribution is refused: ${broken}`, async () => {
    await refuses(buildSdist({ ...recipe, broken }).bytes, tar)
    if (broken !== 'bad-header') await refuses(buildSdist({ ...recipe, broken, form: 'zip' }).bytes, zip, 'a.zip')
  })
}

test('more that is refused: two PKG-INFO, damage behind it, an empty file, a tar that is not packed', async () => {
  await refuses(tarball({ name: 'a/PKG-INFO', content: info }, { name: 'b/PKG-INFO', content: info }), /two PKG-INFO/)
  const whole = tarball({ name: 'a/PKG-INFO', content: info }, { name: 'a/b', content: Buffer.alloc(5000, 'b') })
  await refuses(whole.subarray(0, -1), /ends early/)
  const wrong = Buffer.from(whole)
  wrong[wrong.byteLength - 6]! ^= 1
  await refuses(wrong, /no gzip file, or damaged/)
  await refuses(
    gzipSync(
      tarBytes([
        { name: 'a/PKG-INFO', content: info },
        { name: 'a/b', content: Buffer.alloc(5000) },
      ]).subarray(0, 3000),
    ),
    /archive ends early/,
  )
  await refuses(new Uint8Array(0), /it is empty/)
  await refuses(tarBytes([{ name: 'a/PKG-INFO', content: info }]), /no gzip file/)
})

test('a file with anything behind its gzip data is refused, wherever the pieces of its reading end', async () => {
  for (const appended of [Buffer.alloc(10), Buffer.alloc(3 << 20), Buffer.from('a signature'), gzipSync('more')]) {
    await refuses(Buffer.concat([tarball({ name: 'a/PKG-INFO', content: info }), appended]), /something stands behind its gzip data/)
  }
})

test('what stands behind the end mark of the archive, within the gzip data, is checked and not looked at', async () => {
  const bytes = gzipSync(Buffer.concat([tarBytes([{ name: 'a/PKG-INFO', content: info }]), Buffer.alloc(3 << 20, 'x')]))
  assert.equal((await read(bytes)).digest, digestOf(bytes))
  assert.deepEqual(desk.cost(), { gets: 1, bytes: bytes.byteLength })
})

test('a place that tells another digest than the bytes have gets the file refused', async () => {
  const put = await desk.put(buildSdist(recipe))
  await assert.rejects(
    readSdist(desk.telling(digestOf('other')), put, foo),
    (error) => isFault(error, 'invalid') && /its place says/.test(error.message),
  )
})

test('trouble with the store is never the fault of the file, also in the middle', async () => {
  const built = buildSdist({ ...recipe, size: 3 << 20 })
  const seen = await desk.put(built)
  for (const [thrown, told] of [
    ['unavailable', 'unavailable'],
    ['corrupt', 'corrupt'],
    ['precondition', 'precondition'],
    ['unsupported', 'unsupported'],
    ['invalid', 'unavailable'],
  ] as const) {
    for (const after of [0, 100, 1 << 20]) {
      const store: typeof desk.store = {
        ...desk.store,
        async get(key, options) {
          const body = await desk.store.get(key, options)
          const failing = bytesFrom(async function* () {
            yield built.bytes.subarray(0, after)
            throw new Fault(thrown, 'planned')
          }, body.length)
          return { ...failing, info: body.info, length: body.length }
        },
      }
      await assert.rejects(readSdist(store, seen, foo), (error) => isFault(error, told), `${thrown} after ${after}`)
    }
  }
  await desk.store.put(seen.key, bytesOf('another'))
  await assert.rejects(readSdist(desk.store, seen, foo), (error) => isFault(error, 'precondition'))
  await desk.store.delete(seen.key)
  await assert.rejects(readSdist(desk.store, seen, foo), (error) => isFault(error, 'not-found'))
  const ending = new AbortController()
  ending.abort()
  await assert.rejects(readSdist(desk.store, seen, foo, { signal: ending.signal }), (error) => isFault(error, 'aborted'))
})

test('the bytes of a body that is given up are let go of', async () => {
  const seen = await desk.put(buildSdist({ ...recipe, broken: 'bad-header', size: 3 << 20 }))
  let open = 0
  const store: typeof desk.store = {
    ...desk.store,
    async get(key, options) {
      const body = await desk.store.get(key, options)
      const watched = bytesFrom(async function* () {
        open++
        try {
          yield* body
        } finally {
          open--
        }
      }, body.length)
      return { ...watched, info: body.info, length: body.length }
    },
  }
  await assert.rejects(readSdist(store, seen, foo), /not a tar archive/)
  assert.equal(open, 0)
})

test(`whatever is damaged, it is read or refused (seed ${testSeed})`, async () => {
  const random = seededRandom(testSeed)
  const good = tarBytes(
    [
      { name: 'foo_bar-1.0/PKG-INFO', content: info },
      { name: 'foo_bar-1.0/x', content: Buffer.alloc(2000, 'x') },
    ],
    'pax',
  )
  for (let round = 0; round < 300; round++) {
    const plain = Buffer.from(good)
    const isInside = round % 2 === 0
    if (isInside) plain[Math.floor(random() * plain.byteLength)] = Math.floor(random() * 256)
    const packed = gzipSync(plain)
    if (!isInside) packed[Math.floor(random() * packed.byteLength)] = Math.floor(random() * 256)
    const bytes = random() < 0.2 ? packed.subarray(0, Math.floor(random() * packed.byteLength)) : packed
    await read(bytes).catch((error: unknown) => assert.ok(isFault(error, 'invalid'), `round ${round}: ${String(error)}`))
  }
  for (let round = 0; round < 100; round++) {
    const bytes = Buffer.from(Float64Array.from({ length: 1 + Math.floor(random() * 40) }, random).buffer)
    await assert.rejects(read(bytes, round % 2 === 0 ? 'a.zip' : 'a.tar.gz'), (error) => isFault(error, 'invalid'), `round ${round}`)
  }
})
