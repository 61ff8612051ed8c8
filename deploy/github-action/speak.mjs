// What a step of GitHub Actions says to its runner. docs.github.com: "Workflow commands for GitHub Actions".
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'

/** An annotation of the run. `at` may name `title`, `file`, `line` and `col`. */
export function annotate(text, at) {
  const properties = Object.entries(at).filter(([, value]) => value !== undefined)
  const written = properties.map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
  process.stdout.write(`::error ${written.join(',')}::${escapeData(text)}\n`)
}

/** What `work` prints is no command to the runner, whatever is in it. */
export async function unheard(work) {
  const word = randomUUID()
  process.stdout.write(`::stop-commands::${word}\n`)
  try {
    return await work()
  } finally {
    process.stdout.write(`\n::${word}::\n`)
  }
}

/** An output of the step. No value can end it early: what divides it is drawn anew each time. */
export function giveOutput(name, value) {
  const end = `end-${randomUUID()}`
  appendFileSync(process.env.GITHUB_OUTPUT, `${name}<<${end}\n${value}\n${end}\n`)
}

export function givePath(folder) {
  appendFileSync(process.env.GITHUB_PATH, `${folder}\n`)
}

/** Text of a command in the summary of the run, in a fence that it cannot leave. */
export function summarize(title, text) {
  if (!process.env.GITHUB_STEP_SUMMARY) return
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
  appendFileSync(process.env.GITHUB_STEP_SUMMARY, `**${title}**\n\n${fence}text\n${text.trimEnd()}\n${fence}\n\n`)
}

function escapeData(text) {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text) {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
