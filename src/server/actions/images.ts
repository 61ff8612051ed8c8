import * as v from 'valibot'
import { retag } from '../../images/index.ts'
import { Fault, parseDigest } from '../../kit/index.ts'
import { imagesOf } from '../routes/images.ts'
import { digest } from '../routes/shapes.ts'
import { action, type Done } from './action.ts'

const repository = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/),
  v.maxLength(200),
  v.description('Below the project of the registry: x86/app.'),
)
const tagName = v.pipe(v.string(), v.regex(/^\w[\w.-]{0,127}$/))
const name = v.strictObject({ repository, tag: tagName })

export const imageActions = [
  action({
    id: 'retagImage',
    tag: 'images',
    path: '/image-retag',
    scope: 'images:retag',
    summary: 'Give an image another tag; one that is not listed in `moving` is never moved',
    body: { from: name, to: name, expect: v.optional(v.pipe(digest, v.description('Only where the tag names this now.'))) },
    plan: async (acting, { from, to, expect }) => {
      const { settings, registry: open } = await imagesOf(acting)
      const registry = await open()
      const place = (each: typeof from) => ({ ...each, repository: `${settings.registryProject}/${each.repository}` })
      const [source, target] = [place(from), place(to)]
      const { digest: wanted } = await registry.manifest(source.repository, source.tag)
      const before = (await registry.headManifest(target.repository, target.tag))?.digest
      if (expect !== undefined && expect !== before)
        throw new Fault('precondition', `${to.repository}:${to.tag} names ${before ?? 'nothing'}, and not ${expect}`)
      if (wanted === before) throw new Fault('nothing-to-do', `${to.repository}:${to.tag} names ${wanted} already`)
      return {
        lines: [`${to.repository}:${to.tag}: ${before ?? 'nothing'} -> ${wanted}`],
        facts: { wanted, before: before ?? null },
        carryOut: async (): Promise<Done> => {
          const now = (await registry.headManifest(target.repository, target.tag))?.digest
          if (now !== before)
            throw new Fault('precondition', `${to.repository}:${to.tag} names ${now ?? 'nothing'}, and not ${before ?? 'nothing'}`)
          const { moving } = settings
          const same = before === undefined ? {} : { expect: parseDigest(before) }
          await retag(registry, { from: { ...source, tag: wanted }, to: target, moving, clock: acting.clock, ...same })
          return { before: { digest: before ?? null }, after: { digest: wanted } }
        },
      }
    },
  }),
]
