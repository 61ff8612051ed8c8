import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { type ImagePlace, imagePlace, placeImage, placeIndex } from '../../../test/fakes/image-places.ts'
import { bytesOf, type Digest, digestOf, Fault, hexOf } from '../../kit/index.ts'
import { describeManifest, makeIndex, makeManifest, parseManifest } from '../model/manifest.ts'
import { mediaTypes } from '../model/media-types.ts'
import { carryOutCopy, type CopiedImage } from './copy.ts'
import { type CopyPlan, type CopyWishes, planCopy } from './plan.ts'

async function copy(source: ImagePlace, target: ImagePlace, wishes: CopyWishes): Promise<CopiedImage & { plan: CopyPlan }> {
  const plan = await planCopy({ source, target, ...wishes })
  return { plan, ...(await carryOutCopy(plan, { source, target })) }
}

function assertWhole(source: ImagePlace, target: ImagePlace, digest: Digest): void {
  const stored = target.manifests.get(digest)
  assert.ok(stored !== undefined, `${digest} is not there`)
  assert.deepEqual(Buffer.from(stored.bytes), Buffer.from(source.manifests.get(digest)!.bytes))
  const content = parseManifest(stored)
  if (content.kind === 'index') for (const child of content.manifests) assertWhole(source, target, child.digest)
  else for (const part of [content.config, ...content.layers]) assert.equal(digestOf(target.blobs.get(part.digest)!), part.digest)
}

describe('a copy', () => {
  it('brings blobs, then the manifest, under its name alone', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored, layers } = placeImage(source, ['one', 'two'], { tag: 'v1' })
    const { sentBytes, blobs } = await copy(source, target, { ref: 'v1', as: 'v1' })
    assertWhole(source, target, stored.digest)
    assert.equal(target.written.length, 4)
    assert.equal(target.written.at(-1), `tag v1 ${stored.digest}`)
    assert.ok(target.written.slice(0, 3).every((line) => line.startsWith('blob ')))
    assert.deepEqual(new Set(blobs.map(({ how }) => how)), new Set(['sent']))
    assert.ok(sentBytes > layers[0]!.size + layers[1]!.size)
  })

  it('brings all platforms, layers that several have once, images before their index', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored, images } = placeIndex(source, 'v1', ['amd64', 'arm64', 'riscv64'])
    await copy(source, target, { ref: 'v1', as: 'v1' })
    assertWhole(source, target, stored.digest)
    const kinds = target.written.map((line) => line.split(' ')[0])
    assert.deepEqual(kinds, [...Array<string>(7).fill('blob'), 'manifest', 'manifest', 'manifest', 'tag'])
    assert.equal(new Set(target.written).size, target.written.length)
    assert.ok(images.every((image) => target.manifests.has(image.stored.digest)))
  })

  it('sends nothing that is there', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const before = placeImage(source, ['base', 'old'], { tag: 'v1' })
    await copy(source, target, { ref: 'v1', as: 'v1' })
    target.written.length = 0
    const { layers, config, stored } = placeImage(source, ['base', 'new'], { tag: 'v2' })
    const { blobs } = await copy(source, target, { ref: 'v2', as: 'v2' })
    assert.equal(layers[0]!.digest, before.layers[0]!.digest)
    assert.deepEqual(new Set(target.written), new Set([`blob ${layers[1]!.digest}`, `blob ${config.digest}`, `tag v2 ${stored.digest}`]))
    assert.deepEqual(
      blobs.filter(({ how }) => how === 'there').map(({ digest }) => digest),
      [layers[0]!.digest],
    )
  })

  it('with nothing to do asks once here and once there', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    placeIndex(source, 'v1', ['amd64', 'arm64'])
    await copy(source, target, { ref: 'v1', as: 'v1' })
    for (const place of [source, target]) place.calls.clear()
    const { moved, manifests } = await copy(source, target, { ref: 'v1', as: 'v1' })
    assert.deepEqual([moved, manifests], [[], 0])
    assert.deepEqual([...source.calls], [['resolve', 1]])
    assert.deepEqual([...target.calls], [['named', 1]])
  })

  it('of what is there under its digest only moves the name', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored } = placeImage(source, ['one'], { tag: 'v1' })
    await copy(source, target, { ref: 'v1', as: 'v1' })
    target.written.length = 0
    await copy(source, target, { ref: 'v1', as: 'latest' })
    assert.deepEqual(target.written, [`tag latest ${stored.digest}`])
  })

  it('of one platform is that image, with its own digest', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { images } = placeIndex(source, 'v1', ['amd64', 'arm64'])
    await copy(source, target, { ref: 'v1', as: 'v1', platform: { os: 'linux', architecture: 'arm64' } })
    assert.equal(target.tags.get('v1'), images[1]!.stored.digest)
    assert.deepEqual([...target.manifests.keys()], [images[1]!.stored.digest])
    const wanted = { ref: 'v1', as: 'v1', platform: { os: 'linux', architecture: 's390x' } }
    const fault = await faultOf(copy(source, target, wanted), 'not-found', /no image for linux\/s390x/)
    assert.equal(fault.hint, 'it has linux/amd64, linux/arm64')
  })

  it('of an image that is for another platform is refused', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    placeImage(source, ['one'], { tag: 'v1', architecture: 'amd64' })
    await faultOf(
      copy(source, target, { ref: 'v1', as: 'v1', platform: { os: 'linux', architecture: 'arm64' } }),
      'not-found',
      /linux\/arm64/,
    )
    assert.deepEqual(target.written, [])
  })

  it('of an index whose images are not all there says how to copy one of them', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { images } = placeIndex(source, 'v1', ['amd64', 'arm64'])
    source.manifests.delete(images[0]!.stored.digest)
    const fault = await faultOf(copy(source, target, { ref: 'v1', as: 'v1' }), 'not-found', /the index names sha256:/)
    assert.match(fault.hint!, /--platform/)
    assert.deepEqual(target.written, [])
  })

  it('mounts what the target can take over', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { layers } = placeImage(source, ['one', 'two'], { tag: 'v1' })
    const mounting = {
      ...target,
      async mountBlob({ digest }: { digest: Digest }) {
        if (digest !== layers[0]!.digest) return false
        target.blobs.set(digest, source.blobs.get(digest)!)
        return true
      },
    }
    const { blobs } = await copy(source, mounting, { ref: 'v1', as: 'v1' })
    assert.equal(blobs.find(({ digest }) => digest === layers[0]!.digest)?.how, 'mounted')
    assert.ok(!target.written.includes(`blob ${layers[0]!.digest}`))
  })
})

describe('with all that refers to it, a copy', () => {
  function signed() {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored, images } = placeIndex(source, 'v1', ['amd64', 'arm64'])
    const signature = placeImage(source, ['signature'], { subject: stored }).stored
    const ofSignature = placeImage(source, ['of the signature'], { subject: signature }).stored
    const ofImage = placeImage(source, ['list of parts'], { subject: images[0]!.stored }).stored
    const cosign = placeImage(source, ['cosign'], { tag: `sha256-${hexOf(stored.digest)}.sig` }).stored
    const attested = placeImage(source, ['cosign att'], { tag: `sha256-${hexOf(images[1]!.stored.digest)}.att` }).stored
    placeImage(source, ['of another'], { tag: `sha256-${'0'.repeat(64)}.sig` })
    placeImage(source, ['list'], { tag: `sha256-${hexOf(stored.digest)}` })
    return { source, target, stored, images, signature, ofSignature, ofImage, cosign, attested }
  }

  it('brings signatures, what refers to those, and digest tags, and the name last', async () => {
    const { source, target, stored, images, ...others } = signed()
    await copy(source, target, { ref: 'v1', as: 'v1', all: true })
    for (const { digest } of [stored, ...Object.values(others)]) assertWhole(source, target, digest)
    assert.deepEqual(
      [...target.tags.keys()].toSorted(),
      ['v1', `sha256-${hexOf(stored.digest)}.sig`, `sha256-${hexOf(images[1]!.stored.digest)}.att`].toSorted(),
    )
    assert.equal(target.written.at(-1), `tag v1 ${stored.digest}`)
    const at = (digest: Digest) => target.written.indexOf(`manifest ${digest}`)
    assert.ok(at(stored.digest) < at(others.signature.digest) && at(others.signature.digest) < at(others.ofSignature.digest))
  })

  it('brings what has come since, and moves no name for it', async () => {
    const { source, target, stored } = signed()
    await copy(source, target, { ref: 'v1', as: 'v1' })
    target.written.length = 0
    const { moved } = await copy(source, target, { ref: 'v1', as: 'v1', all: true })
    assert.equal(moved.length, 2)
    assert.ok(!target.written.includes(`tag v1 ${stored.digest}`))
    assert.equal((await copy(source, target, { ref: 'v1', as: 'v1', all: true })).manifests, 0)
  })

  it('replaces no signatures that the target has and the source has not', async () => {
    const { source, target, stored } = signed()
    placeImage(target, ['their own'], { tag: `sha256-${hexOf(stored.digest)}.sig` })
    await faultOf(copy(source, target, { ref: 'v1', as: 'v1', all: true }), 'already-exists', /^sha256-.*\.sig is/)
    assert.deepEqual(target.written, [])
    await copy(source, target, { ref: 'v1', as: 'v1', all: true, force: true })
  })
})

describe('a digest tag', () => {
  it('to which signatures were added since is replaced; one that has lost some is not', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored } = placeImage(source, ['one'], { tag: 'v1' })
    const tag = `sha256-${hexOf(stored.digest)}.sig`
    const first = placeImage(source, ['first'], { tag })
    await copy(source, target, { ref: 'v1', as: 'v1', all: true })
    const both = placeImage(source, ['first', 'second'], { tag })
    const { moved } = await copy(source, target, { ref: 'v1', as: 'v1', all: true })
    assert.deepEqual(moved, [{ name: tag, digest: both.stored.digest, before: first.stored.digest }])
    source.tags.set(tag, first.stored.digest)
    await faultOf(copy(source, target, { ref: 'v1', as: 'v1', all: true }), 'already-exists', /\.sig is sha256/)
  })
})

describe('a name that names something else', () => {
  function taken() {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored } = placeImage(source, ['new'], { tag: 'v1' })
    const old = placeImage(target, ['old'], { tag: 'v1' }).stored
    return { source, target, stored, old }
  }

  it('is not replaced, and nothing is sent', async () => {
    const { source, target, stored, old } = taken()
    const fault = await faultOf(copy(source, target, { ref: 'v1', as: 'v1' }), 'already-exists', /^v1 is sha256/)
    assert.equal(fault.message, `v1 is ${old.digest}, and would become ${stored.digest}`)
    assert.equal(fault.exit, 5)
    assert.deepEqual([target.written, source.calls.get('blob')], [[], undefined])
  })

  it('is replaced by force, where it may move, and where it is what was expected', async () => {
    for (const wishes of [{ force: true }, { moving: ['latest', 'v1'] }] satisfies CopyWishes[]) {
      const { source, target, stored, old } = taken()
      const { moved } = await copy(source, target, { ref: 'v1', as: 'v1', ...wishes })
      assert.deepEqual(moved, [{ name: 'v1', digest: stored.digest, before: old.digest }])
      assert.equal(target.tags.get('v1'), stored.digest)
    }
    const { source, target, stored, old } = taken()
    await copy(source, target, { ref: 'v1', as: 'v1', expect: old.digest })
    assert.equal(target.tags.get('v1'), stored.digest)
  })

  it('stays where it is not what was expected, also by force', async () => {
    const { source, target, old } = taken()
    const expect = digestOf('another')
    await faultOf(copy(source, target, { ref: 'v1', as: 'v1', expect, force: true }), 'precondition', /was expected to be/)
    await faultOf(copy(source, target, { ref: 'v1', as: 'new', expect }), 'precondition', /is not there, and was expected/)
    assert.equal(target.tags.get('v1'), old.digest)
  })

  it('stays where someone else moved it while blobs were sent', async () => {
    const { source, target } = taken()
    const other = placeImage(target, ['someone else’s']).stored
    const plan = await planCopy({ source, target, ref: 'v1', as: 'v1', force: true })
    target.tags.set('v1', other.digest)
    await faultOf(carryOutCopy(plan, { source, target }), 'precondition', /someone|has sha256/)
    assert.equal(target.tags.get('v1'), other.digest)
  })

  it('is of no matter where another digest was asked for than the source has', async () => {
    const { source, target } = taken()
    await faultOf(copy(source, target, { ref: 'v1', as: 'v2', digest: digestOf('x') }), 'precondition', /is to have sha256/)
  })
})

describe('a rate', () => {
  it('holds back every byte that is sent', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    placeImage(source, ['one', 'two'], { tag: 'v1' })
    let taken = 0
    const plan = await planCopy({ source, target, ref: 'v1', as: 'v1' })
    const { sentBytes } = await carryOutCopy(plan, { source, target, rate: { take: async (bytes) => void (taken += bytes) } })
    assert.equal(taken, sentBytes)
  })
})

describe('by force, what is there is checked anew', () => {
  it('and a blob that was lost is sent again', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { layers } = placeImage(source, ['one', 'two'], { tag: 'v1' })
    await copy(source, target, { ref: 'v1', as: 'v1' })
    target.blobs.delete(layers[1]!.digest)
    assert.equal((await copy(source, target, { ref: 'v1', as: 'v1' })).sentBytes, 0)
    assert.equal((await copy(source, target, { ref: 'v1', as: 'v1', force: true })).sentBytes, layers[1]!.size)
    assert.ok(target.blobs.has(layers[1]!.digest))
  })
})

describe('what goes wrong leaves every name as it was', () => {
  it('when a blob of the source is damaged, missing or of another size', async () => {
    for (const harm of ['damaged', 'missing'] as const) {
      const [source, target] = [imagePlace('source'), imagePlace('target')]
      const { layers } = placeImage(source, ['one', 'two'], { tag: 'v1' })
      if (harm === 'damaged') source.blobs.set(layers[1]!.digest, Buffer.from('other bytes'))
      else source.blobs.delete(layers[1]!.digest)
      await faultOf(copy(source, target, { ref: 'v1', as: 'v1' }), harm === 'damaged' ? 'corrupt' : 'not-found', /./)
      assert.deepEqual([...target.tags], [])
      assert.equal(target.manifests.size, 0)
    }
  })

  it('when one blob has two sizes', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { config, layers } = placeImage(source, ['one'])
    const twice = makeManifest({ config, layers: [layers[0]!, { ...layers[0]!, size: 7 }] })
    source.manifests.set(twice.digest, twice)
    source.tags.set('v1', twice.digest)
    await faultOf(copy(source, target, { ref: 'v1', as: 'v1' }), 'corrupt', /bytes, and 7 elsewhere/)
  })

  it('when an index says of an image what it is not', async () => {
    for (const lie of [{ size: 3 }, { mediaType: mediaTypes.dockerManifest }]) {
      const [source, target] = [imagePlace('source'), imagePlace('target')]
      const { stored } = placeImage(source, ['one'])
      const index = makeIndex({ manifests: [{ ...describeManifest(stored), ...lie }] })
      source.manifests.set(index.digest, index)
      source.tags.set('v1', index.digest)
      await faultOf(copy(source, target, { ref: 'v1', as: 'v1' }), 'corrupt', /^expected .* got/)
      assert.deepEqual(target.written, [])
    }
  })

  it('when indexes are within indexes without end', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    let { stored } = placeImage(source, ['one'])
    for (let depth = 0; depth < 9; depth++) {
      stored = makeIndex({ manifests: [describeManifest(stored)] })
      source.manifests.set(stored.digest, stored)
    }
    source.tags.set('v1', stored.digest)
    await faultOf(copy(source, target, { ref: 'v1', as: 'v1' }), 'corrupt', /more than 6 deep/)
  })

  it('when referrers refer to referrers without end', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const { stored } = placeImage(source, ['one'], { tag: 'v1' })
    const endless = {
      ...source,
      async *referrers(digest: Digest) {
        const next = makeManifest({ config: blank(source), layers: [], subject: { mediaType: mediaTypes.ociManifest, digest, size: 1 } })
        source.manifests.set(next.digest, next)
        yield describeManifest(next)
      },
    }
    await faultOf(copy(endless, target, { ref: 'v1', as: 'v1', all: true }), 'corrupt', /more than 5000 manifests/)
    assert.ok(!target.manifests.has(stored.digest))
  })

  it('when a layer is its owner’s alone it is left where it is, and said', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    const foreign = { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', digest: digestOf('windows'), size: 99 }
    const manifest = makeManifest({ config: blank(source), layers: [foreign] })
    source.manifests.set(manifest.digest, manifest)
    source.tags.set('v1', manifest.digest)
    const plan = await planCopy({ source, target, ref: 'v1', as: 'v1' })
    assert.deepEqual(plan.foreign, [foreign])
    assert.ok(!plan.blobs.some(({ digest }) => digest === foreign.digest))
  })

  it('when it is stopped', async () => {
    const [source, target] = [imagePlace('source'), imagePlace('target')]
    placeImage(source, ['one', 'two'], { tag: 'v1' })
    const stop = new AbortController()
    const plan = await planCopy({ source, target, ref: 'v1', as: 'v1' })
    const stopping = {
      ...source,
      async blob() {
        stop.abort(new Fault('aborted', 'stopped'))
        return bytesOf('x')
      },
    }
    await faultOf(carryOutCopy(plan, { source: stopping, target, signal: stop.signal }), 'aborted', /stopped/)
    assert.deepEqual(target.written, [])
  })
})

function blank(place: ImagePlace) {
  const bytes = Buffer.from('{}')
  place.blobs.set(digestOf(bytes), bytes)
  return { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(bytes), size: 2 }
}
