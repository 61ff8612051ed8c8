import { type Command, Option } from 'commander'
import type { ImagesSettings, RunMetadata, WorkflowRun } from '../../images/index.ts'
import { Fault, isFault, mapBounded, throwIfAborted } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { type Column, renderTable } from '../table.ts'
import { padTo, printable } from '../width.ts'
import { ageText, countText } from '../words.ts'
import { imagesContext } from './choose.ts'
import { type GithubFlags, githubOptions } from './options.ts'

interface ListFlags extends GithubFlags {
  readonly includeFailed?: boolean
}

export function addGhListCommand(images: Command, cli: Cli): void {
  cli.add<ListFlags>(images, {
    name: 'gh-list',
    summary: 'List the newest runs of the workflow, with what their logs say they built',
    more: 'A run that has ended is read once: what its log says is remembered. With --verbose the whole metadata block of each run is shown.',
    options: [new Option('--include-failed', 'also runs that did not end well'), ...githubOptions()],
    examples: [
      ['holdfast images gh-list', 'the newest builds and their image tags'],
      ['holdfast images gh-list --branch main --limit 100 --json', 'of one branch, for a script'],
    ],
    run: list,
  })
}

interface Listed {
  readonly run: WorkflowRun
  readonly metadata: RunMetadata | undefined
  readonly trouble: Fault | undefined
}

/** Logs that are read side by side. */
const width = 4

async function list(call: Call<ListFlags>): Promise<Outcome> {
  const { includeFailed, branch: asked, verbose } = call.options
  const context = await imagesContext(call)
  const { settings, signal } = context
  const { repo, workflow, branch, limit } = settings
  const github = await context.github()
  const runs = await github.runs({ branch, limit, includeFailed, signal })
  const what = `${includeFailed === true ? 'ended' : 'successful'} run`
  if (runs.length === 0 && asked !== undefined) {
    throw new Fault('nothing-to-do', `${workflow} of ${repo} has no ${what} on the branch ${asked}`, {
      hint: includeFailed === true ? 'check the branch' : 'check the branch, or look at failed ones too: --include-failed',
    })
  }
  const listed = await mapBounded(
    runs,
    width,
    async (run, stop): Promise<Listed> => {
      try {
        return { run, metadata: await github.metadata(run, { signal: stop }), trouble: undefined }
      } catch (error) {
        throwIfAborted(stop)
        if (!isFault(error)) throw error
        return { run, metadata: undefined, trouble: error }
      }
    },
    signal,
  )
  const requests = countText(github.requests(), 'request')
  const sum = `the newest ${countText(runs.length, what)} of ${workflow} in ${repo}; ${requests}`
  const rows = verbose === true ? listed.map((each) => blockText(call, each)) : [table(call, settings, listed)]
  return {
    result: { repo, workflow, runs: listed.map(toJson), requests: github.requests() },
    text: [...(runs.length === 0 ? [`no ${what}s`] : rows), printable(sum)].join('\n'),
    incomplete: unread(listed),
  }
}

/** One fault where nothing could be read for the one reason, such as a missing token. */
function unread(listed: readonly Listed[]): Fault | undefined {
  const failed = listed.flatMap(({ trouble }) => (trouble === undefined ? [] : [trouble]))
  const [first] = failed
  if (first === undefined) return undefined
  if (failed.length === listed.length && failed.every(({ code }) => code === first.code)) return first
  return new Fault('partial', `the logs of ${failed.length} of ${listed.length} runs could not be read: ${first.message}`, {
    hint: first.hint ?? 'run it again: what was read is remembered',
    cause: first,
  })
}

function table(call: Call<object>, { preset }: ImagesSettings, listed: readonly Listed[]): string {
  const { paint, host } = call
  const now = host.clock.now()
  const field = (key: string | undefined) => (one: Listed) => (key === undefined ? '' : (one.metadata?.fields[key] ?? ''))
  const { platform, mode } = preset.metadata
  const columns: Column<Listed>[] = [
    { header: 'RUN', cell: ({ run }) => `#${run.number}` },
    { header: 'AGE', cell: ({ run }) => ageText(now - run.createdAt), align: 'right', priority: 5 },
    { header: 'BRANCH', cell: ({ run }) => run.branch, priority: 4, min: 8 },
    {
      header: 'RESULT',
      cell: ({ run }) => run.conclusion ?? run.status,
      priority: 3,
      paint: (text, { run }) => (run.conclusion === 'success' ? paint.green(text) : paint.red(text)),
    },
    { header: 'PLATFORM', cell: field(platform), priority: 2 },
    ...(mode === undefined ? [] : [{ header: 'MODE', cell: field(mode), priority: 1 }]),
    { header: 'IMAGE TAG', cell: tagText, paint: (text, { metadata }) => (metadata === undefined ? paint.dim(text) : paint.cyan(text)) },
  ]
  return renderTable(columns, listed, { width: call.width, paintHeader: paint.bold })
}

function tagText({ metadata, trouble }: Listed): string {
  if (metadata !== undefined) return metadata.tag
  return trouble === undefined ? '(no metadata block)' : '(log not readable)'
}

/** The run, and its block as its log has it. */
function blockText({ paint }: Call<object>, { run, metadata, trouble }: Listed): string {
  const created = new Date(run.createdAt).toISOString().slice(0, 16).replace('T', ' ')
  const head = `#${run.number}  ${created} UTC  ${run.branch}  ${run.conclusion ?? run.status}  ${run.url}`
  const none = trouble === undefined ? 'no metadata block in its log' : trouble.message
  const lines = metadata === undefined ? [none] : fieldLines(metadata)
  return [paint.bold(printable(head)), ...lines.map((line) => `  ${printable(line)}`), ''].join('\n')
}

export function fieldLines({ fields }: RunMetadata): string[] {
  const widest = Math.max(...Object.keys(fields).map((key) => key.length))
  return Object.entries(fields).map(([key, value]) => `${padTo(`${key}:`, widest + 1)} ${value}`)
}

function toJson({ run, metadata, trouble }: Listed): object {
  return {
    ...runToJson(run),
    tag: metadata?.tag,
    metadata: metadata?.fields,
    unreadable: trouble?.message,
  }
}

export function runToJson({ createdAt, ...run }: WorkflowRun): object {
  return { ...run, created: new Date(createdAt).toISOString() }
}
