import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type RegistryDesk, registryDesk } from '../../../test/fakes/registry-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { imageTools, whyNoImageTools } from '../../../test/services/image-tools.ts'
import { findRegistry, type RegistryServer } from '../../../test/services/registry.ts'
import { bytesOf, digestOf, isFault, systemClock } from '../../kit/index.ts'
import type { ImageSource } from '../model/image-source.ts'
import { mediaTypes } from '../model/media-types.ts'
import { parsePlace, type Place } from '../place.ts'
import { carryOutCopy } from './copy.ts'
import { deleteByDigest, findNamers } from './delete.ts'
import { joinImages } from './join.ts'
import { openSource, openTarget, packedFor } from './open-place.ts'
import { type CopyWishes, planCopy } from './plan.ts'

/* The real registry, and programs of others that look at what we did. */

const scratch = scratchDirectory()
const sh = imageTools(scratch)
const at = (...parts: string[]): string => path.join(scratch, ...parts)
let folders = 0
const newFolder = (): string => at(`folder-${++folders}`)
let missing: string | undefined
let servers: readonly RegistryServer[] = []
const desks = new Map<string, RegistryDesk>()

before(async () => {
  missing = await whyNoImageTools()
  if (missing !== undefined) return
  try {
    servers = [await findRegistry('plain'), await findRegistry('htpasswd')]
    for (const { host, login } of servers) desks.set(host, registryDesk(host, { login }))
    for (const architecture of ['amd64', 'arm64']) await makeImage(architecture)
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    missing = `${error.message}; ${error.hint}`
  }
})

after(() => {
  for (const desk of desks.values()) desk.close()
})

const skopeo = (command: string, ...args: string[]): Promise<string> => sh('skopeo', command, ...args)
const untrusted = ['--src-tls-verify=false', '--src-creds', 'tester:open sesame, tests']

async function makeImage(architecture: string): Promise<void> {
  const image = `${at('made')}:${architecture}`
  if (architecture === 'amd64') await sh('umoci', 'init', '--layout', at('made'))
  await sh('umoci', 'new', '--image', image)
  for (const layer of ['one', architecture]) {
    const bundle = at(`bundle-${architecture}-${layer}`)
    await sh('umoci', 'unpack', '--rootless', '--image', image, bundle)
    const root = path.join(bundle, 'rootfs')
    await mkdir(path.join(root, `dir ${layer}`))
    await writeFile(path.join(root, `dir ${layer}`, 'file'), Buffer.alloc(700_000, layer))
    await writeFile(path.join(root, `run-${layer}`), '#!/bin/sh\n')
    await chmod(path.join(root, `run-${layer}`), 0o750)
    await symlink(`dir ${layer}/file`, path.join(root, `link-${layer}`))
    await sh('umoci', 'repack', '--image', image, bundle)
  }
  await sh('umoci', 'config', '--image', image, '--architecture', architecture, '--config.env', 'A=b', '--manifest.annotation', 'who=tests')
}

function place(text: string): Place {
  return parsePlace(text)
}

const registryFor = (host: string): RegistryDesk => desks.get(host)!

async function copy(from: string, to: string, wishes: CopyWishes = {}): Promise<string> {
  const [source, target] = [place(from), place(to)]
  const opened = await openSource(source, registryFor)
  const into = await openTarget(target, { from: [source], registryFor, clock: systemClock, force: wishes.force })
  try {
    const pack = { known: { find: () => undefined, async add() {} }, target: into.target, streamed: new Set<`sha256:${string}`>() }
    const packed = packedFor(source, target, opened.source, pack)
    return await carry(packed, into, { ref: opened.ref, ...wishes })
  } finally {
    await into.target.close()
    await opened.source.close()
  }
}

async function carry(source: ImageSource, { target, as }: Awaited<ReturnType<typeof openTarget>>, wishes: CopyWishes): Promise<string> {
  const plan = await planCopy({ source, target, as, ...wishes })
  await carryOutCopy(plan, { source, target })
  return plan.top.digest
}

/** Names, kinds, modes, links and bytes of all files below. */
async function treeOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const lines = entries.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name)
    const name = path.relative(folder, file)
    if (entry.isSymbolicLink()) return `${name} -> ${await readlink(file)}`
    const { mode } = await stat(file)
    return `${name} ${mode.toString(8)} ${entry.isFile() ? digestOf(await readFile(file)) : ''}`
  })
  return (await Promise.all(lines)).toSorted()
}

/** What umoci makes of an image in a layout. */
async function unpacked(layout: string, ref: string): Promise<string[]> {
  const bundle = newFolder()
  await sh('umoci', 'unpack', '--rootless', '--image', `${layout}:${ref}`, bundle)
  return await treeOf(path.join(bundle, 'rootfs'))
}

/** All blobs of a registry's image, by another program, compared with ours at the first place. */
async function assertSameOutside(image: string, layout: string, ref: string): Promise<void> {
  const [theirs, ours] = [newFolder(), newFolder()]
  await skopeo('copy', '--all', ...untrusted, `docker://${image}`, `dir:${theirs}`)
  await skopeo('copy', '--all', `oci:${layout}:${ref}`, `dir:${ours}`)
  assert.deepEqual(await treeOf(theirs), await treeOf(ours))
}

describe('copies with a real registry, seen from outside', () => {
  it('are the same at every place, through registries, archive and layout', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const [first, second] = servers.map((server) => `${server.host}/${server.newRepository()}`)
    const hops = [
      `oci:${at('made')}:amd64`,
      `docker://${first}:v1`,
      `docker://${second}:v1`,
      `oci-archive:${at('hop.tar')}:v1`,
      `oci:${at('end')}:v1`,
    ] as const
    const digests = new Set<string>()
    for (let hop = 1; hop < hops.length; hop++) digests.add(await copy(hops[hop - 1]!, hops[hop]!))
    assert.equal(digests.size, 1)
    for (const image of [first!, second!]) {
      const seen = JSON.parse(await skopeo('inspect', '--tls-verify=false', '--creds', untrusted[2]!, `docker://${image}:v1`)) as {
        Digest: string
      }
      assert.deepEqual(digests, new Set([seen.Digest]))
      await assertSameOutside(`${image}:v1`, at('made'), 'amd64')
    }
    assert.deepEqual(await unpacked(at('end'), 'v1'), await unpacked(at('made'), 'amd64'))
    assert.equal((JSON.parse(await skopeo('inspect', `oci-archive:${at('hop.tar')}:v1`)) as { Digest: string }).Digest, [...digests][0])
  })

  it('of a docker-archive have the files that it has, and go back into one', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const image = `${servers[0]!.host}/${servers[0]!.newRepository()}`
    await skopeo('copy', `oci:${at('made')}:arm64`, `docker-archive:${at('theirs.tar')}:app:v1`)
    const digest = await copy(`docker-archive:${at('theirs.tar')}`, `docker://${image}:v1`)
    await skopeo('copy', ...untrusted, `docker://${image}:v1`, `oci:${at('from-archive')}:v1`)
    assert.deepEqual(await unpacked(at('from-archive'), 'v1'), await unpacked(at('made'), 'arm64'))
    await copy(`docker://${image}:v1`, `docker-archive:${at('ours.tar')}:app:v2`)
    await skopeo('copy', `docker-archive:${at('ours.tar')}:app:v2`, `oci:${at('back')}:v1`)
    assert.deepEqual(await unpacked(at('back'), 'v1'), await unpacked(at('made'), 'arm64'))
    assert.equal(await copy(`docker-archive:${at('ours.tar')}`, `docker://${image}:again`), digest)
  })

  it('of Docker’s own kind of manifest, and of layers in zstd, keep their digests', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const [from, to] = servers.map((server) => `${server.host}/${server.newRepository()}`)
    const forms = { docker: ['--format', 'v2s2'], zstd: ['--dest-compress', '--dest-compress-format', 'zstd'] }
    await skopeo('copy', '--dest-decompress', `oci:${at('made')}:amd64`, `dir:${at('plain')}`)
    for (const [tag, form] of Object.entries(forms)) {
      await skopeo('copy', ...form, '--dest-tls-verify=false', `dir:${at('plain')}`, `docker://${from}:${tag}`)
      await copy(`docker://${from}:${tag}`, `docker://${to}:${tag}`)
      const raw = async (image: string) =>
        await skopeo('inspect', '--raw', '--tls-verify=false', '--creds', untrusted[2]!, `docker://${image}:${tag}`)
      assert.equal(await raw(to!), await raw(from!))
    }
    const manifest = await desks.get(servers[1]!.host)!.manifest(to!.slice(to!.indexOf('/') + 1), 'docker')
    assert.equal(manifest.mediaType, mediaTypes.dockerManifest)
  })

  it('of x86 and arm joined are one tag, from which each platform takes its own', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const [server] = servers
    const images = ['x86', 'arm', 'both'].map(() => `${server!.host}/${server!.newRepository()}`)
    const [x86, arm, both] = images
    await copy(`oci:${at('made')}:amd64`, `docker://${x86}:v1`)
    await copy(`oci:${at('made')}:arm64`, `docker://${arm}:v1`)
    const from = [place(`docker://${x86}:v1`), place(`docker://${arm}:v1`)]
    const sides = []
    for (const each of from) {
      const { source, ref } = await openSource(each, registryFor)
      sides.push({ source, stored: await source.resolve(ref) })
    }
    const into = await openTarget(place(`docker://${both}:v1`), { from, registryFor, clock: systemClock })
    const source = await joinImages(sides, undefined)
    const plan = await planCopy({ source, target: into.target, as: into.as })
    const { blobs } = await carryOutCopy(plan, { source, target: into.target })
    assert.deepEqual(new Set(blobs.map(({ how }) => how)), new Set(['mounted']))
    for (const architecture of ['amd64', 'arm64']) {
      const chosen = ['--override-os', 'linux', '--override-arch', architecture]
      await skopeo('copy', ...chosen, ...untrusted, `docker://${both}:v1`, `oci:${at('chosen')}:${architecture}`)
      assert.deepEqual(await unpacked(at('chosen'), architecture), await unpacked(at('made'), architecture))
    }
    await copy(`docker://${both}:v1`, `oci:${at('joined')}:v1`)
    await assertSameOutside(`${both}:v1`, at('joined'), 'v1')
    await copy(`docker://${both}:v1`, `docker://${servers[1]!.host}/${servers[1]!.newRepository()}:v1`, {
      platform: { os: 'linux', architecture: 'arm64' },
    })
  })

  it('with signatures and digest tags arrive with them', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const [from, to] = servers.map((server) => `${server.host}/${server.newRepository()}`)
    const digest = await copy(`oci:${at('made')}:amd64`, `docker://${from}:v1`)
    await copy(`oci:${at('made')}:arm64`, `docker://${from}:${digest.replace(':', '-')}.sig`)
    const desk = desks.get(servers[0]!.host)!
    const [repository, other] = [from, to].map((image) => image!.slice(image!.indexOf('/') + 1))
    const { config, subject } = await referrerOf(desk, repository!, 'v1')
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType: 'x/y', config, layers: [], subject }),
    )
    await desk.putManifest(repository!, digestOf(bytes), { bytes, mediaType: mediaTypes.ociManifest })
    await copy(`docker://${from}:v1`, `docker://${to}:v1`, { all: true })
    const there = desks.get(servers[1]!.host)!
    const referrers = await Array.fromAsync(there.referrers(other!, subject.digest))
    assert.deepEqual(
      referrers.map((found) => found.digest),
      [digestOf(bytes)],
    )
    assert.ok((await Array.fromAsync(there.tags(other!))).includes(`${digest.replace(':', '-')}.sig`))
  })

  it('within a registry that gives tokens for each repository are mounted', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const server = await findRegistry('token')
    desks.set(server.host, registryDesk(server.host, { login: server.login }))
    const [from, to] = [server.newRepository(), server.newRepository()].map((repository) => `docker://${server.host}/${repository}:v1`)
    await copy(`oci:${at('made')}:amd64`, from!)
    const [source, target] = [place(from!), place(to!)]
    const { source: images, ref } = await openSource(source, registryFor)
    const into = await openTarget(target, { from: [source], registryFor, clock: systemClock })
    const plan = await planCopy({ source: images, target: into.target, ref, as: into.as })
    const { blobs } = await carryOutCopy(plan, { source: images, target: into.target })
    assert.deepEqual(new Set(blobs.map(({ how }) => how)), new Set(['mounted']))
  })

  it('are deleted by digest, and nothing names them then', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const [server] = servers
    const repository = server!.newRepository()
    const desk = desks.get(server!.host)!
    for (const tag of ['v1', 'v2']) await copy(`oci:${at('made')}:amd64`, `docker://${server!.host}/${repository}:${tag}`)
    const { digest } = await desk.manifest(repository, 'v1')
    const namers = await findNamers(desk, repository, digest)
    assert.deepEqual(namers.tags, ['v1', 'v2'])
    await deleteByDigest(desk, repository, digest, namers)
    assert.equal(await desk.headManifest(repository, 'v2'), undefined)
  })
})

async function referrerOf(desk: RegistryDesk, repository: string, tag: string) {
  const stored = await desk.manifest(repository, tag)
  const empty = Buffer.from('{}')
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: 2 }
  await desk.putBlob(repository, config.digest, bytesOf(empty))
  return { config, subject: { mediaType: stored.mediaType, digest: stored.digest, size: stored.bytes.byteLength } }
}
