import * as v from 'valibot'
import { Fault } from '../../kit/index.ts'
import { crossReference, type ImagesContext, measureImages, openTags, type Xref } from '../../images/index.ts'
import type { Served } from '../served.ts'
import { route } from './route.ts'
import { bytes, count, digest, time } from './shapes.ts'

const run = v.object({ id: count, number: count, attempt: count, branch: v.string(), created: time, url: v.string() })

const tagged = v.object({
  tag: v.string(),
  platform: v.string(),
  run,
  images: v.array(v.object({ family: v.string(), repository: v.string(), tag: v.string(), present: v.boolean() })),
})

const tag = 'images'

export const imageRoutes = [
  route({
    id: 'crossReferenceImages',
    path: '/images',
    tag,
    summary:
      'The runs of the workflow against the tags of the registry: what is missing and what is extra; asked of them at most once a minute',
    response: v.object({
      repo: v.optional(v.string()),
      source: v.pipe(v.string(), v.description('Who was asked for tags.')),
      looked: v.pipe(count, v.description('Runs that were looked at.')),
      tags: v.array(tagged),
      missing: count,
      extra: v.array(v.object({ repository: v.string(), tag: v.string() })),
      unusable: v.array(v.object({ run, tag: v.optional(v.string()), reason: v.string() })),
      unread: v.array(v.object({ run, reason: v.string() })),
      notes: v.array(v.string()),
    }),
    freshFor: 60_000,
    run: async (served) => {
      const context = await imagesOf(served)
      const { settings, report } = context
      const found = await crossReference(
        { settings, runs: await context.github(), tags: await openTags(context), report },
        { withExtra: true },
      )
      const images = found.tags.flatMap((each) => each.images)
      return {
        repo: settings.repo,
        source: found.source,
        looked: found.looked,
        tags: found.tags.map((each) => ({
          tag: each.tag,
          platform: each.platform,
          run: plainRun(each.run),
          images: each.images.map(({ family, repository, tag: name, isPresent }) => ({
            family,
            repository,
            tag: name,
            present: isPresent,
          })),
        })),
        missing: images.filter(({ isPresent }) => !isPresent).length,
        extra: found.extra.map(({ repository, tag: name }) => ({ repository, tag: name })),
        unusable: found.unusable.map((each) => ({ run: plainRun(each.run), tag: each.tag, reason: each.reason })),
        unread: found.unread.map((each) => ({ run: plainRun(each.run), reason: each.failure.message })),
        notes: found.notes,
      }
    },
  }),
  route({
    id: 'measureImages',
    path: '/images/sizes',
    tag,
    summary: 'What tags take in the registry, and what of it they share; at most 200 of them, asked at most once a minute',
    response: v.object({
      tags: v.array(
        v.object({
          repository: v.string(),
          tag: v.string(),
          digest,
          bytes,
          layers: count,
          shared: v.pipe(v.object({ layers: count, bytes }), v.description('Layers that another of these tags has too.')),
        }),
      ),
      bytes: v.pipe(bytes, v.description('Of all tags.')),
      unique: v.pipe(bytes, v.description('The same, with what they share counted once.')),
      unread: v.array(v.object({ repository: v.string(), tag: v.string(), reason: v.string() })),
      left: v.pipe(count, v.description('Tags that were not looked at.')),
    }),
    freshFor: 60_000,
    run: async (served) => {
      const { unread, ...measured } = await measureImages(await imagesOf(served), served.imageMemory)
      return { ...measured, unread: unread.map(({ failure, ...name }) => ({ ...name, reason: failure.message })) }
    },
  }),
]

export async function imagesOf({ images }: Pick<Served, 'images'>): Promise<ImagesContext> {
  if (images !== undefined) return await images()
  throw new Fault('not-found', 'no images are configured', { hint: 'add [images] to holdfast.toml' })
}

function plainRun({ id, number, attempt, branch, createdAt, url }: Xref['tags'][number]['run']): v.InferOutput<typeof run> {
  return { id, number, attempt, branch, created: new Date(createdAt).toISOString(), url }
}
