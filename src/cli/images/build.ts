import { type Command, Option } from 'commander'
import type { Config } from '../../config/index.ts'
import { buildInputs, type RunMetadata, velox, type WorkflowInput, type WorkflowRun } from '../../images/index.ts'
import { Fault, isFault } from '../../kit/index.ts'
import { type Call, type Cli, repeatedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { imagesContext } from './choose.ts'
import { fieldLines, runToJson } from './gh-list.ts'
import { type GithubFlags, githubTokenOptions, repoOptions } from './options.ts'

interface BuildFlags extends GithubFlags {
  readonly ref: string
  readonly field?: readonly string[]
  /** False where the run is not to be followed. */
  readonly follow: boolean
}

/** `inputs` are those of the configuration's workflow; each has a flag of its name. */
export function addBuildCommand(images: Command, cli: Cli, config: Config | undefined): void {
  const own = [
    new Option('--ref <ref>', 'the branch or tag whose workflow runs').makeOptionMandatory(),
    repeatedOption('--field <name=value>', 'any input of the workflow, by its name'),
    new Option('--no-follow', 'start it, and do not wait for its end'),
    ...repoOptions(),
    ...githubTokenOptions(),
  ]
  const taken = new Set([...own.flatMap(({ long }) => [long, long?.replace('--no-', '--')]), ...globalFlags])
  const inputs = inputsOf(config).filter(({ name }) => !taken.has(flagOf(name)))
  cli.add<BuildFlags>(images, {
    name: 'build',
    summary: 'Start the workflow that builds the images, follow it, and show what it built',
    more: 'Exits with 0 where the run ended well, 1 where it failed, 130 where it was cancelled. What is not given is left to the workflow.',
    options: [...own.slice(0, 1), ...inputs.map(inputOption), ...own.slice(1)],
    examples: [
      ['holdfast images build --ref main --worker-bundle-mode all_native', 'build and wait'],
      ['holdfast images build --ref main --velox-commit main --no-follow', 'only start it'],
      ['holdfast images build --ref main --dry-run --field runner_label=linux-amd64-cpu16', 'what would be sent'],
    ],
    writes: true,
    run: async (call) => await build(call, inputs),
  })
}

/** Those of all commands, which mean the same everywhere: an input of such a name is given by --field. */
const globalFlags =
  '--config --store --json --quiet --verbose --stats --log-format --log-level --color --no-color --yes --limit-rate --dry-run --help --version'.split(
    ' ',
  )

function inputsOf(config: Config | undefined): readonly WorkflowInput[] {
  const written = config?.images?.inputs
  return written === undefined ? velox.preset.inputs : Object.entries(written).map(([name, input]) => ({ name, ...input }))
}

function flagOf(input: string): string {
  return `--${input.replaceAll('_', '-')}`
}

function inputOption({ name, description, kind, options, default: fallback }: WorkflowInput): Option {
  const value = kind === 'flag' ? '[bool]' : kind === 'commit' ? '<commit|branch>' : '<value>'
  const values = options.length === 0 ? '' : `: ${options.join(', ')}`
  return new Option(
    `${flagOf(name)} ${value}`,
    `${description}${values}${fallback === undefined ? '' : ` (the workflow’s own: ${fallback})`}`,
  )
}

async function build(call: Call<BuildFlags>, flags: readonly WorkflowInput[]): Promise<Outcome> {
  const { ref, follow, dryRun } = call.options
  const context = await imagesContext(call)
  const { settings, signal, report } = context
  const inputs = buildInputs(settings.preset.inputs, givenInputs(call, flags))
  const { repo, workflow } = settings
  const unknown = Object.keys(inputs).filter((name) => !settings.preset.inputs.some((input) => input.name === name))
  if (unknown.length > 0) {
    const text = `no input that is described here, and sent as it is: ${unknown.join(', ')} (\`[images.inputs]\` describes them)`
    report({ kind: 'note', level: 'warning', text, event: 'unknown_input' })
  }
  if (dryRun === true) {
    const lines = Object.entries(inputs).map(([name, value]) => `  ${name}: ${value}`)
    const left = settings.preset.inputs.filter(({ name }) => !Object.hasOwn(inputs, name)).map(({ name }) => name)
    const rest = left.length === 0 ? [] : [`left to the workflow: ${left.join(', ')}`]
    const text = [`would start ${workflow} of ${repo} on ${ref} with`, ...(lines.length === 0 ? ['  no inputs'] : lines), ...rest]
    return { result: { repo, workflow, ref, inputs, dryRun: true }, text: text.map(printable).join('\n') }
  }
  const github = await context.github()
  const started = await github.dispatch({ ref, inputs, signal })
  const result = { repo, workflow, ref, inputs }
  if (!follow) {
    const text = printable(`started run #${started.number}: ${started.url}`)
    return { result: { ...result, run: runToJson(started) }, text }
  }
  report({ kind: 'note', level: 'info', text: `following run #${started.number}: ${started.url}` })
  const ended = await whileFollowed(github.follow(started, { signal }), started)
  const metadata = await github.metadata(ended, { signal })
  return {
    result: { ...result, run: runToJson(ended), tag: metadata?.tag, metadata: metadata?.fields },
    text: endedText(call, ended, metadata),
    ...endingOf(ended),
  }
}

/** From the inputs' own flags and from --field. */
function givenInputs({ options }: Call<BuildFlags>, flags: readonly WorkflowInput[]): Readonly<Record<string, string>> {
  const given = new Map<string, string>()
  for (const { name } of flags) {
    const attribute = new Option(flagOf(name)).attributeName()
    const value: unknown = Object.hasOwn(options, attribute) ? Reflect.get(options, attribute) : undefined
    if (value === true) given.set(name, 'true')
    else if (typeof value === 'string') given.set(name, value)
  }
  for (const text of options.field ?? []) {
    const at = text.indexOf('=')
    if (at < 1) throw new Fault('invalid', `--field: not name=value: ${JSON.stringify(text)}`)
    const name = text.slice(0, at)
    if (given.has(name)) throw new Fault('invalid', `the input ${name} is given twice`, { hint: 'give it once' })
    given.set(name, text.slice(at + 1))
  }
  return Object.fromEntries(given)
}

/** Who stops following does not stop the run. */
async function whileFollowed(work: Promise<WorkflowRun>, { url }: WorkflowRun): Promise<WorkflowRun> {
  try {
    return await work
  } catch (error) {
    if (!isFault(error)) throw error
    throw new Fault(error.code, `${error.message}; the run is followed no more, and goes on: ${url}`, { hint: error.hint, cause: error })
  }
}

function endedText({ paint }: Call<object>, run: WorkflowRun, metadata: RunMetadata | undefined): string {
  const isGood = run.conclusion === 'success'
  const head = `run #${run.number}: ${run.conclusion ?? run.status}  ${run.url}`
  const next = isGood && metadata !== undefined ? [`next: holdfast images sync ${metadata.tag}`] : []
  const block = metadata === undefined ? ['its log has no complete metadata block'] : fieldLines(metadata)
  return [(isGood ? paint.green : paint.red)(printable(head)), ...block.map((line) => `  ${printable(line)}`), ...next].join('\n')
}

/** The exit status of each way in which a run ends. */
function endingOf({ conclusion, url }: WorkflowRun): Pick<Outcome, 'differs' | 'incomplete'> {
  if (conclusion === 'success') return {}
  if (conclusion === 'cancelled') return { incomplete: new Fault('aborted', `the run was cancelled: ${url}`) }
  if (conclusion === 'skipped' || conclusion === 'neutral' || conclusion === 'stale')
    return { incomplete: new Fault('nothing-to-do', `the run built nothing, it ended as ${conclusion}: ${url}`) }
  return { differs: true }
}
