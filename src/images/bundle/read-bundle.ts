import { type Bytes, bytesFrom, bytesOnce, type Digest, Fault, forEachBounded, shownName, throwIfAborted } from '../../kit/index.ts'
import { readTar } from '../../kit/tar/index.ts'
import type { RangedSource, Zip, ZipEntry } from '../../kit/zip/index.ts'
import { unpacked } from '../../oci/index.ts'
import { type PassingDigest, passingDigest } from './passing-digest.ts'

/** An image's tarball in a run's artifact. */
export interface BundledTarball<Wanted> {
  readonly wanted: Wanted
  /** Where it lies in the artifact: `presto-coordinator.tar.gz`, or `images.tar/presto-coordinator.tar.gz`. */
  readonly member: string
  /** Can be rewound where it is an entry of the zip itself. */
  readonly tarball: Bytes
  /** Where all of the artifact has to be read before it is known to be right: resolves then, and a tag waits for it. */
  readonly whole: Promise<void> | undefined
}

export type BundleWork<Wanted> = (tarball: BundledTarball<Wanted>, signal?: AbortSignal) => Promise<void>

export interface BundleOptions {
  /** What messages call the artifact. */
  readonly at: string
  /** What the artifact has to be, all of it: compared while it is read, and then one tarball comes after another. */
  readonly expected?: { readonly source: RangedSource; readonly digest: Digest } | undefined
  /** Tarballs that are given side by side, where they are entries of the zip and nothing else says that they come in turn. */
  readonly width?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ReadBundle {
  /** What else the artifact has. */
  readonly extras: readonly string[]
  /** Whether its digest was compared. */
  readonly isVerified: boolean
}

/** That an archive within an artifact may inflate to. */
const maxInflatedBytes = 2 ** 40
const maxMembers = 100_000
const suffix = /\.(tar|tar\.gz|tgz|tar\.zst)$/

/**
 * Gives each wanted image's tarball to `work`: by its name, in any folder, plain or packed with gzip or zstd. An artifact holds the tarballs as
 * they are, or one archive that holds them, which is then read once, from its front, one tarball after another.
 *
 * Throws `corrupt` for an artifact that is not what its run says: another digest, tarballs that are missing, or there twice. Of the zip's own
 * entries that is known before `work` is called. What `work` throws ends it: whoever wants the others catches it there.
 */
export async function readBundle<Wanted extends { readonly tarball: string }>(
  zip: Zip,
  wanted: readonly Wanted[],
  work: BundleWork<Wanted>,
  { at, expected, width = 2, signal }: BundleOptions,
): Promise<ReadBundle> {
  const files = zip.entries.filter(({ name }) => !name.endsWith('/'))
  const sorter = createSorter(wanted, at)
  const passing = expected === undefined ? undefined : passingDigest(expected.source, expected.digest, signal)
  if (files.length === 1 && suffix.test(files[0]!.name) && findWanted(wanted, files[0]!.name) === undefined) {
    const tarballs = tarballsWithin(zip, files[0]!, sorter, passing, signal)
    const check = async () => {
      sorter.finish()
      await passing?.check()
    }
    await readInTurn(tarballs, work, check, signal)
    return { extras: sorter.finish(), isVerified: passing !== undefined }
  }
  const found = files.flatMap((entry) => {
    if (entry.name !== entry.plainName) throw new Fault('corrupt', `programs read the name ${shown(entry.name)} in different ways`, { at })
    const image = sorter.sort(entry.name)
    return image === undefined ? [] : [{ entry, image }]
  })
  const extras = sorter.finish()
  const tarballOf = ({ entry, image }: (typeof found)[number], stopping: AbortSignal | undefined) => ({
    wanted: image,
    member: entry.name,
    tarball: contentOf(zip, entry, passing, stopping),
  })
  if (passing !== undefined) {
    const tarballs = found.map((each) => tarballOf(each, signal))
    return { extras, isVerified: await readInTurn(tarballs, work, () => passing.check(), signal) }
  }
  await forEachBounded(found, width, (each, stopping) => work({ ...tarballOf(each, stopping), whole: undefined }, stopping), signal)
  return { extras, isVerified: false }
}

/** Looked for when it is read: an entry that cannot be read stops no other. */
function contentOf(zip: Zip, entry: ZipEntry, passing: PassingDigest | undefined, signal: AbortSignal | undefined): Bytes {
  return bytesFrom(async function* () {
    yield* await zip.open(entry, { signal, onPacked: passing?.see })
  }, entry.size)
}

/**
 * The next tarball comes when one was read, though its work goes on: it waits for the end of all. Where none was read, nothing depends on the
 * check. Gives back whether there was one.
 */
async function readInTurn<Wanted>(
  tarballs: Iterable<Omit<BundledTarball<Wanted>, 'whole'>> | AsyncIterable<Omit<BundledTarball<Wanted>, 'whole'>>,
  work: BundleWork<Wanted>,
  check: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { promise: whole, resolve, reject } = Promise.withResolvers<void>()
  // Nobody may wait for it.
  whole.catch(() => undefined)
  const works: Promise<void>[] = []
  let wasRead = false
  try {
    for await (const each of tarballs) {
      throwIfAborted(signal)
      const { promise: read, resolve: noticeEnd } = Promise.withResolvers<void>()
      const noticed = async function* () {
        wasRead = true
        yield* each.tarball
        noticeEnd()
      }
      const { length, rewindable } = each.tarball
      const tarball = rewindable ? bytesFrom(noticed, length) : bytesOnce(noticed(), length)
      const done = work({ ...each, tarball, whole }, signal)
      works.push(done)
      await Promise.race([read, done])
    }
    if (wasRead) await check()
    resolve()
  } catch (error) {
    reject(error)
    await Promise.allSettled(works)
    throw error
  }
  await Promise.all(works)
  return wasRead
}

async function* tarballsWithin<Wanted>(
  zip: Zip,
  entry: ZipEntry,
  sorter: Sorter<Wanted>,
  passing: PassingDigest | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Omit<BundledTarball<Wanted>, 'whole'>> {
  const plain = unpacked(await zip.open(entry, { signal, onPacked: passing?.see }), maxInflatedBytes)
  let count = 0
  try {
    for await (const member of readTar({ [Symbol.asyncIterator]: () => ({ next: () => plain.next() }) })) {
      throwIfAborted(signal)
      const name = shownName(member.name)
      if (++count > maxMembers) throw sorter.refuse(`${shown(entry.name)} has more than ${maxMembers} members`)
      if (name.startsWith('/') || name.split('/').includes('..')) throw sorter.refuse(`a name leads out of the archive: ${shown(name)}`)
      if (member.type !== 'file') continue
      const image = sorter.sort(name)
      if (image === undefined) continue
      yield { wanted: image, member: `${entry.name}/${name}`, tarball: bytesOnce(member.content, member.size) }
    }
    // Behind the end of the archive lie the checksums of compression and of the zip.
    while ((await plain.next()).done !== true);
  } finally {
    await plain.return(undefined)
  }
}

interface Sorter<Wanted> {
  /** Which image a file is; undefined for one that nobody wants. Throws `corrupt` for the second of one image. */
  sort(name: string): Wanted | undefined
  /** What nobody wants. Throws `corrupt` where something is missing. */
  finish(): readonly string[]
  refuse(why: string): Fault
}

function createSorter<Wanted extends { readonly tarball: string }>(wanted: readonly Wanted[], at: string): Sorter<Wanted> {
  const found = new Map<Wanted, string>()
  const extras: string[] = []
  const refuse = (why: string, hint?: string) => new Fault('corrupt', why, { at, hint })
  return {
    refuse,
    sort(name) {
      const image = findWanted(wanted, name)
      if (image === undefined) {
        extras.push(name)
        return undefined
      }
      const before = found.get(image)
      if (before !== undefined) throw refuse(`two tarballs of one image: ${shown(before)} and ${shown(name)}`)
      found.set(image, name)
      return image
    },
    finish() {
      const missing = wanted.filter((image) => !found.has(image)).map(({ tarball }) => tarball)
      if (missing.length === 0) return extras
      const others = [...found.values(), ...extras].map(shown)
      const listed = `${others.slice(0, 20).join(', ')}${others.length > 20 ? ', …' : ''}`
      throw refuse(
        `Missing expected tarballs: ${missing.join(', ')}`,
        others.length === 0 ? 'the artifact has no file at all' : `the artifact has ${listed}: is the run's metadata that of another mode?`,
      )
    },
  }
}

function findWanted<Wanted extends { readonly tarball: string }>(wanted: readonly Wanted[], name: string): Wanted | undefined {
  return wanted.find(({ tarball }) => stem(tarball) === stem(name))
}

/** A file's name without its folder and its packing. */
function stem(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).replace(suffix, '')
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}
