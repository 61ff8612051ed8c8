import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { imagePlace, placeImage, placeIndex } from '../../../test/fakes/image-places.ts'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { asFault, digestOf } from '../../kit/index.ts'
import { parseManifest } from '../model/manifest.ts'
import { carryOutCopy } from './copy.ts'
import { compareImages } from './compare.ts'
import { describeImage } from './describe.ts'
import { planCopy } from './plan.ts'

/* Manifests of whoever: what is not copied whole is refused, with nothing of it to be seen, and nothing is a fault of ours. */

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    0,
    -1,
    1.5,
    2 ** 53,
    [],
    {},
    true,
    '../x',
    'sha256:',
    `sha256:${'0'.repeat(64)}`,
    `sha512:${'0'.repeat(128)}`,
  ),
  fc.constantFrom<unknown>('application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.manifest.v1+json', 'text/html', 'a/b'),
  fc.jsonValue({ maxDepth: 2 }),
)
const change = fc.record({ at: fc.nat(), how: fc.constantFrom('remove', 'replace', 'repeat', 'add'), value: odd })
const expected = new Set(['corrupt', 'invalid', 'unsupported', 'not-found'])

/** The document with a few of its values, wherever they are, changed. */
function mutate(document: unknown, changes: readonly { at: number; how: string; value: unknown }[]): unknown {
  const whole = structuredClone(document)
  for (const { at, how, value } of changes) {
    const places: [Record<string, unknown>, string][] = []
    const walk = (node: unknown) => {
      if (node === null || typeof node !== 'object') return
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key])
        walk((node as Record<string, unknown>)[key])
      }
    }
    walk(whole)
    const [node, key] = places[at % Math.max(1, places.length)] ?? [{}, 'x']
    if (how === 'remove') delete node[key]
    else if (how === 'replace') node[key] = value
    else if (how === 'add') node[`${key}x`] = value
    else if (Array.isArray(node[key])) node[key] = [...(node[key] as unknown[]), ...(node[key] as unknown[])]
  }
  return whole
}

describe(`manifests that were tampered with (seed ${testSeed})`, () => {
  for (const kind of ['manifest', 'index'] as const) {
    it(`${kind}: copied whole, or refused and nowhere to be seen`, async () => {
      const place = imagePlace('source')
      const stored = kind === 'manifest' ? placeImage(place, ['one', 'two']).stored : placeIndex(place, 'whole', ['amd64', 'arm64']).stored
      const document: unknown = JSON.parse(new TextDecoder().decode(stored.bytes))
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), async (changes, all) => {
          const bytes = Buffer.from(JSON.stringify(mutate(document, changes)))
          const tampered = { bytes, digest: digestOf(bytes), mediaType: stored.mediaType }
          place.manifests.set(tampered.digest, tampered)
          place.tags.set('v1', tampered.digest)
          const target = imagePlace('target')
          try {
            const plan = await planCopy({ source: { ...place, async *referrers() {} }, target, ref: 'v1', as: 'v1', all })
            await carryOutCopy(plan, { source: place, target })
            const content = parseManifest(target.manifests.get(tampered.digest)!)
            const parts = content.kind === 'manifest' ? [content.config, ...content.layers] : content.manifests
            for (const { digest } of parts) assert.ok(target.blobs.has(digest) || target.manifests.has(digest) || isForeign(bytes))
          } catch (error) {
            const { code } = asFault(error)
            assert.ok(expected.has(code), `${code}: ${String(error)}\n${bytes.toString()}`)
            assert.deepEqual([...target.tags], [])
          }
          await Promise.all([
            describeImage({ ...place, async *referrers() {} }, tampered).catch(onlyExpected),
            compareImages({ source: place, stored: tampered }, { source: place, stored }).catch(onlyExpected),
          ])
        }),
        { numRuns: 400, seed: testSeed },
      )
    })
  }

  it('config: described and compared, or refused', async () => {
    const place = imagePlace('source')
    const { stored, config } = placeImage(place, ['one'])
    const whole = place.blobs.get(config.digest)!
    const document: unknown = JSON.parse(new TextDecoder().decode(whole))
    const other = placeImage(place, ['two']).stored
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        place.blobs.set(config.digest, Buffer.from(JSON.stringify(mutate(document, changes))))
        await describeImage(place, stored).catch(onlyExpected)
        await compareImages({ source: place, stored }, { source: place, stored: other }).catch(onlyExpected)
      }),
      { numRuns: 400, seed: testSeed },
    )
  })
})

function isForeign(bytes: Buffer): boolean {
  return bytes.includes('foreign') || bytes.includes('nondistributable')
}

function onlyExpected(error: unknown): void {
  const { code } = asFault(error)
  assert.ok(expected.has(code), `${code}: ${String(error)}`)
}
