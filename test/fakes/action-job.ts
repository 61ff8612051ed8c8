import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'

/** A job of GitHub Actions on this machine, as far as a composite action can tell the difference. */
export interface ActionJob {
  /** The checkout that the job begins in. */
  readonly workspace: string
  /** Runs the steps of the action one after another, until one fails. `env` is that of the step that uses it. */
  use(inputs: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>): Used
}

interface Used {
  readonly status: number
  readonly outputs: Readonly<Record<string, string>>
  readonly annotations: readonly Annotation[]
  readonly log: string
  readonly summary: string
  /** The folders that later steps find programs in first. */
  readonly path: readonly string[]
}

interface Annotation {
  readonly text: string
  readonly [property: string]: string
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>
  readonly outputs: Readonly<Record<string, { readonly value: string }>>
  readonly runs: { readonly steps: readonly Step[] }
}

interface Step {
  readonly id: string
  readonly if?: string
  readonly shell: string
  readonly env: Readonly<Record<string, string>>
  readonly run: string
}

/** Runners start `bash` with these words (docs.github.com, "Workflow syntax": `shell`). */
const bash = ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c']

export function actionJob(scratch: string, folder: string): ActionJob {
  const action = parse(readFileSync(path.join(folder, 'action.yml'), 'utf8')) as Action
  const home = mkdtempSync(path.join(scratch, 'job-'))
  const workspace = path.join(home, 'workspace')
  const temp = path.join(home, 'temp')
  mkdirSync(workspace)
  mkdirSync(temp)

  function use(given: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): Used {
    const files = mkdtempSync(path.join(home, 'files-'))
    const inputs: Record<string, string> = {}
    for (const [name, { required, default: usual }] of Object.entries(action.inputs)) {
      assert.ok(given[name] !== undefined || required !== true, `the input ${name} is required`)
      inputs[`inputs.${name}`] = given[name] ?? usual ?? ''
    }
    const values = { ...inputs }
    let log = ''
    let status = 0
    for (const step of action.runs.steps) {
      if (status !== 0 || !holds(step.if, values)) continue
      const output = path.join(files, `${step.id}-output`)
      const own = Object.fromEntries(Object.entries(step.env).map(([name, text]) => [name, filledIn(text, values)]))
      const said = spawnSync(step.shell, [...bash, filledIn(step.run, values)], {
        cwd: workspace,
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          HOME: home,
          ...env,
          ...own,
          GITHUB_ACTION_PATH: folder,
          GITHUB_WORKSPACE: workspace,
          GITHUB_OUTPUT: output,
          GITHUB_PATH: path.join(files, 'path'),
          GITHUB_STEP_SUMMARY: path.join(files, 'summary'),
          RUNNER_TEMP: temp,
        },
      })
      log += said.stdout + said.stderr
      status = said.status ?? 1
      for (const [name, value] of readOutputs(textOf(output))) values[`steps.${step.id}.outputs.${name}`] = value
    }
    const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, filledIn(value, values)])
    return {
      status,
      outputs: Object.fromEntries(outputs) as Record<string, string>,
      annotations: annotationsOf(log),
      log,
      summary: textOf(path.join(files, 'summary')),
      path: textOf(path.join(files, 'path')).split('\n').slice(0, -1),
    }
  }
  return { workspace, use }
}

function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{\{ *([\w.-]+) *\}\}/g, (_all, name: string) => values[name] ?? '')
}

function holds(condition: string | undefined, values: Readonly<Record<string, string>>): boolean {
  if (condition === undefined) return true
  const match = /^([\w.-]+) != ''$/.exec(condition)
  assert.ok(match, `this stand-in cannot read the condition ${condition}`)
  return (values[match[1]!] ?? '') !== ''
}

/** `name<<END`, lines, `END`. */
function readOutputs(text: string): [string, string][] {
  return [...text.matchAll(/^([\w-]+)<<(\S+)\n([\s\S]*?)\n\2\n/gm)].map(([, name, , value]) => [name!, value!])
}

/** Of `::error …::`, but not between `::stop-commands::WORD` and `::WORD::`. */
function annotationsOf(log: string): Annotation[] {
  const heard = log.replaceAll(/^::stop-commands::(\S+)\n[\s\S]*?^::\1::$/gm, '')
  return [...heard.matchAll(/^[ |]*::error ([^\n]*?)::([^\n]*)$/gm)].map(([, properties, text]) => ({
    ...Object.fromEntries(properties!.split(',').map((each) => each.split('=').map(unescaped) as [string, string])),
    text: unescaped(text!),
  }))
}

function unescaped(text: string): string {
  return text.replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
