import { type Command, Option } from 'commander'
import { crossReference, missingTags, openTags, type Xref } from '../../images/index.ts'
import { Fault } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { imagesContext } from './choose.ts'
import { type GithubFlags, githubOptions, type GitlabFlags, gitlabOptions, type RegistryFlags, registryOptions } from './options.ts'
import { xrefText } from './xref-text.ts'

interface XrefFlags extends GithubFlags, GitlabFlags, RegistryFlags {
  readonly listExtra?: boolean
  readonly everywhere?: boolean
  readonly tagsFrom?: 'gitlab' | 'registry'
  readonly exitCode?: boolean
}

export function addXrefCommand(images: Command, cli: Cli): void {
  cli.add<XrefFlags>(images, {
    name: 'xref',
    summary: 'Show which images of the runs are missing in the registry',
    more: 'Of several runs with one tag the newest counts. What a run made is read from its log, once.',
    options: [
      new Option('--list-extra', 'list the tags that none of the runs has made as well'),
      new Option('--everywhere', 'with --list-extra: in all repositories of the project, not only those of the images'),
      new Option('--tags-from <whom>', 'who is asked for tags (default: `tags_from` of [images], gitlab)').choices(['gitlab', 'registry']),
      new Option('--exit-code', 'exit with 1 where something is missing, or is extra and listed'),
      ...githubOptions(),
      ...gitlabOptions(),
      ...registryOptions(),
    ],
    examples: [
      ['holdfast images xref', 'what a sync would bring'],
      ['holdfast images xref --list-extra --limit 100', 'what is there beyond the last hundred runs'],
      ['holdfast images xref --exit-code --json', 'for a script'],
    ],
    run: xref,
  })
}

async function xref(call: Call<XrefFlags>): Promise<Outcome> {
  const { listExtra, everywhere, tagsFrom, exitCode } = call.options
  const context = await imagesContext(call, { tagsFrom })
  const { settings, report, signal } = context
  const found = await crossReference(
    { settings, runs: await context.github(), tags: await openTags(context), report, signal },
    { withExtra: listExtra === true || everywhere === true, everywhere },
  )
  const meter = await (await call.wire()).meter()
  const requests = Object.values(meter.snapshot().requests).reduce((sum, count) => sum + count, 0)
  for (const text of found.notes) report({ kind: 'note', level: 'warning', text })
  return {
    result: { repo: settings.repo, workflow: settings.workflow, ...xrefToJson(found), requests },
    text: xrefText(call, found, { repo: settings.repo, requests, withExtra: listExtra === true || everywhere === true }),
    differs: exitCode === true && (missingTags(found).length > 0 || found.extra.length > 0),
    incomplete: unreadOf(found),
  }
}

function xrefToJson({ looked, source, tags, extra, unusable, unread, notes }: Xref): Record<string, unknown> {
  return {
    runs: looked,
    source,
    tags: tags.map(({ tag, platform, run, others, images }) => ({
      tag,
      platform,
      run: runToJson(run),
      others: others.map(runToJson),
      images: images.map(({ family, repository, tag: name, isPresent }) => ({ family, repository, tag: name, present: isPresent })),
    })),
    missing: tags.flatMap(({ images }) =>
      images.filter(({ isPresent }) => !isPresent).map(({ repository, tag }) => `${repository}:${tag}`),
    ),
    extra,
    unusable: unusable.map(({ run, tag, reason }) => ({ run: runToJson(run), tag, reason })),
    unread: unread.map(({ run, failure }) => ({ run: runToJson(run), reason: failure.message })),
    notes,
  }
}

function runToJson({ id, number, attempt, branch, createdAt, url }: Xref['tags'][number]['run']): Record<string, unknown> {
  return { id, number, attempt, branch, created: new Date(createdAt).toISOString(), url }
}

function unreadOf({ unread, looked }: Xref): Fault | undefined {
  const [first] = unread
  if (first === undefined) return undefined
  const lines = unread.map(({ run, failure }) => `\n  ${run.url}: ${failure.message}`)
  return new Fault('partial', `the logs of ${unread.length} of ${looked} runs could not be read:${lines.join('')}`, {
    hint: first.failure.hint ?? 'run it again: what was read is remembered',
    cause: first.failure,
  })
}
