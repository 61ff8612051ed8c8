import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { digestOf } from '../../../src/kit/index.ts'
import { madeFamilies } from '../../fakes/image-desk.ts'
import type { RegistryServer } from '../../services/registry.ts'
import type { Holdfast } from './commands.ts'
import { filesIn, filesOf } from './files.ts'
import type { World } from './world.ts'

interface Scene {
  readonly world: World
  readonly holdfast: Holdfast
  /** The environment as it was kept. */
  readonly clean: ReadonlyMap<string, string>
}

/** Everything is where it should be, and nothing else is. Gives what was compared. */
export async function assertTruth(scene: Scene): Promise<string[]> {
  const { world, holdfast } = scene
  assert.deepEqual([world.github.offences, world.gitlab.offences], [[], []])
  const images = await imagesAreRight(scene)
  await indexIsRight(scene)
  await runsAreRight(scene)
  await treesAreRight(scene)
  await releasesAreRight(scene)
  await holdfast('store verify --read-data')
  await holdfast('store verify --read-data --store file:./backup')
  return [
    `compared: ${images} images, ${world.wheels.size} wheels, ${filesIn(path.join(world.folder, 'lab')).length} files of runs`,
    ...leftovers(world.folder),
  ]
}

async function imagesAreRight({ world, holdfast }: Scene): Promise<number> {
  const { registry, project, tags } = world
  let images = 0
  for (const family of madeFamilies) {
    const { body } = await ask(registry, `${project}/x86/${family}/tags/list?n=1000`)
    const { tags: there } = JSON.parse(body.toString()) as { tags: string[] }
    const digests = new Set<string>()
    const [lists, named] = [there.filter((tag) => tag.startsWith('sha256-')), there.filter((tag) => !tag.startsWith('sha256-'))]
    assert.deepEqual(named.toSorted(), [...tags].toSorted(), `tags of ${family}`)
    for (const tag of named) {
      images++
      const manifest = await ask(registry, `${project}/x86/${family}/manifests/${tag}`)
      digests.add(digestOf(manifest.body).replace(':', '-'))
      const { config, layers } = JSON.parse(manifest.body.toString()) as { config: Part; layers: Part[] }
      for (const { digest, size } of [config, ...layers]) {
        const { body: blob } = await ask(registry, `${project}/x86/${family}/blobs/${digest}`)
        assert.deepEqual([digestOf(blob), blob.byteLength], [digest, size])
      }
    }
    // Where an image came from is listed under a tag that its digest names.
    assert.deepEqual(new Set(lists), digests)
  }
  await holdfast('images xref --exit-code --list-extra')
  return images
}

interface Part {
  readonly digest: string
  readonly size: number
}

async function ask({ url, login }: RegistryServer, what: string): Promise<{ body: Buffer }> {
  const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
  const authorization = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
  const answer = await fetch(`${url}/v2/${what}`, { headers: { authorization, accept } })
  assert.equal(answer.status, 200, what)
  return { body: Buffer.from(await answer.arrayBuffer()) }
}

async function indexIsRight({ world, holdfast }: Scene): Promise<void> {
  for (const prefix of ['v2/one', 'v2/two']) {
    const folder = path.join(world.folder, 'wheels', prefix)
    const there = filesIn(folder).filter((name) => name.endsWith('.whl'))
    assert.deepEqual(there.map((name) => path.basename(name)).toSorted(), [...world.wheels.keys()].toSorted(), `wheels of ${prefix}`)
    for (const name of there) assert.ok(readFileSync(path.join(folder, name)).equals(world.wheels.get(path.basename(name))!), name)
    const listed = filesIn(folder)
      .filter((name) => /^[a-z]+\/index\.html$/.test(name))
      .flatMap((name) => [...readFileSync(path.join(folder, name), 'utf8').matchAll(/>([^<>]+\.whl)</g)].map((match) => match[1]!))
    assert.deepEqual(listed.toSorted(), [...world.wheels.keys()].toSorted(), `pages of ${prefix}`)
    await holdfast(`index check ${prefix} --deep`)
  }
}

async function runsAreRight({ world, holdfast }: Scene): Promise<void> {
  const own = (name: string) => name.startsWith('.')
  const [there, here] = ['lab', 'here'].map((name) => {
    return new Map([...filesOf(path.join(world.folder, name))].filter(([file]) => !own(file)))
  }) as [Map<string, string>, Map<string, string>]
  assert.deepEqual([...here.keys()], [...there.keys()])
  for (const [name, content] of there) assert.equal(here.get(name), content, name)
  await holdfast('runs verify --to here')
}

async function treesAreRight({ world, holdfast, clean }: Scene): Promise<void> {
  const same = (name: string, expected: ReadonlyMap<string, string>) => {
    const found = filesOf(path.join(world.folder, name))
    assert.deepEqual([...found.keys()], [...expected.keys()], name)
    for (const [file, content] of expected) assert.equal(found.get(file), content, `${name}/${file}`)
  }
  same('stage', clean)
  await holdfast('env verify stage')
  await holdfast('snapshot verify --read-data')
  await holdfast('snapshot restore latest --to again')
  same('again', filesOf(path.join(world.folder, 'tree')))
}

async function releasesAreRight({ world, holdfast }: Scene): Promise<void> {
  await holdfast('release verify lib')
  const { out } = await holdfast('release history lib --json')
  const { moves } = (JSON.parse(out) as { result: { moves: { variant: string; generation: number; channels: object; action: string }[] } })
    .result
  for (const variant of ['one', 'two']) {
    const own = moves.filter((move) => move.variant === variant).toSorted((a, b) => a.generation - b.generation)
    assert.ok(own.length > 0)
    assert.equal(new Set(own.map(({ generation }) => generation)).size, own.length)
    await holdfast(`release fetch lib --variant ${variant} --output fetched-${variant}`)
    assert.match(readFileSync(path.join(world.folder, `fetched-${variant}`), 'utf8'), new RegExp(`^library ${world.version()} line 0\n`))
  }
}

/** What is there and has no place in the finished picture: killed processes leave some of it, as the pages on operations say. */
function leftovers(folder: string): string[] {
  const strange = filesIn(folder).filter((name) => /\.~tmp-|\.tmp|\.part|\.new$|(^|\/)uploads\/|(^|\/)leases\/|quarantine\//.test(name))
  return [`left behind: ${strange.length} files ${strange.slice(0, 12).join(', ')}`]
}
