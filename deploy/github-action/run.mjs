// Runs the commands, each as a process of its own and none by a shell; says in the log, the summary and the outputs what came of them.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { annotate, giveOutput, summarize, unheard } from './speak.mjs'
import { wordsOf } from './words.mjs'

const holdfast = path.join(process.env.RUNNER_TEMP, 'holdfast/node_modules/.bin/holdfast')
/** Characters of a command's text that the summary shows, and of its document that the output holds. */
const shown = 20_000
const held = 900_000
const nothingToDo = 3

process.exitCode = await main(process.env)

async function main(env) {
  const lines = env.INPUT_RUN.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'))
  const isJson = env.INPUT_JSON === 'true'
  const commands = lines.map(wordsOf)
  if (commands.includes(undefined)) return refuse(lines[commands.indexOf(undefined)])
  for (const words of commands) {
    const said = await unheard(() => call(isJson ? ['--json', ...words] : words, env))
    const { status } = said
    giveOutput('exit-status', status)
    if (isJson) giveOutput('result', said.out.length <= held ? said.out.trimEnd() : '')
    const isFine = status === 0 || (status === nothingToDo && env.INPUT_ALLOW_NOTHING_TO_DO === 'true')
    summarize(`${isFine ? '✅' : '❌'} holdfast ${words[0]} ${words[1] ?? ''}`.trimEnd(), cut(said.out + said.told))
    if (isFine) continue
    report(words, said)
    return status
  }
  return 0
}

function call(words, env) {
  const ours = /^INPUT_/
  const child = spawn(holdfast, words, {
    cwd: path.resolve(env.INPUT_WORKING_DIRECTORY),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name))),
  })
  const end = (signal) => child.kill(signal)
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  console.log(`holdfast ${words.join(' ')}`)
  const said = { out: '', told: '', status: 1 }
  child.stdout.setEncoding('utf8').on('data', (text) => hear('out', text))
  child.stderr.setEncoding('utf8').on('data', (text) => hear('told', text))
  function hear(what, text) {
    // Both into one stream: in another one it could come to the runner's ears before or after the words that keep it unheard.
    process.stdout.write(text)
    if (said[what].length <= held) said[what] += text
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ ...said, told: `error: ${error.message}` }))
    child.on('close', (status) => {
      process.off('SIGINT', end)
      process.off('SIGTERM', end)
      resolve({ ...said, status: status ?? 130 })
    })
  })
}

function refuse(line) {
  annotate(`a quote is not closed: ${line}`, { title: 'holdfast was not run' })
  return 2
}

/** The fault as an annotation; the problems of a configuration each at its line. */
function report(words, { status, told }) {
  const title = `holdfast ${words.slice(0, 2).join(' ')} ended with ${status}`
  const problems = [...told.matchAll(/^ {2}(\S+\.toml):(\d+):(\d+): (.+)$/gm)]
  for (const [, file, line, col, text] of problems) annotate(text, { title, file: fromRoot(file), line, col })
  if (problems.length > 0) return
  const from = told.search(/^(error|stopped): /m)
  annotate(from === -1 ? told.trim().slice(-1000) || title : told.slice(from).trim().slice(0, 4000), { title })
}

/** Annotations count paths from the root of the checkout. */
function fromRoot(file) {
  const whole = path.resolve(process.env.INPUT_WORKING_DIRECTORY, file)
  return path.relative(process.env.GITHUB_WORKSPACE ?? process.cwd(), whole)
}

function cut(text) {
  return text.length <= shown ? text : `${text.slice(0, shown)}\n… and ${text.length - shown} characters more, in the log`
}
