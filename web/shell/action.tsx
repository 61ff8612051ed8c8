import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { troubleFrom } from '../api/answer.ts'
import { act, revision, type Trouble } from '../api/client.ts'
import { Failed, Waiting } from '../parts/states.tsx'
import { Dialog } from './dialog.tsx'
import { hrefTo } from './place.ts'
import { keepToken, token } from './token.ts'

interface ActionProps {
  /** What the button and the dialog say. */
  readonly label: string
  readonly title: string
  /** Below /actions. */
  readonly name: string
  readonly body: Readonly<Record<string, unknown>>
  readonly scope: string
  /** It throws something away: said in its colour. */
  readonly isGrave?: boolean
  /** More of the body, that can be filled in. */
  readonly fields?: readonly Field[]
}

interface Field {
  readonly name: string
  /** The object of the body that it lies in. */
  readonly into?: string
  readonly label: string
  readonly value?: string
}

/** The one that is open. It outlives its button, which what is done may take away. */
const opened = signal<ActionProps | undefined>(undefined)

/** A button of which nothing happens before its plan was shown and confirmed: what is confirmed is what is done, or nothing. */
export function Action(props: ActionProps) {
  return (
    <button type="button" class="action" aria-label={props.title} onClick={() => (opened.value = props)}>
      {props.label}…
    </button>
  )
}

export function OpenAction() {
  const props = opened.value
  return props === undefined ? null : <ActionDialog {...props} onClose={() => (opened.value = undefined)} />
}

function ActionDialog({ fields = [], onClose, ...action }: ActionProps & { readonly onClose: () => void }) {
  const [filled, setFilled] = useState<Filled>(() => Object.fromEntries(fields.map((each) => [each.name, each.value ?? ''])))
  const { plan, trouble, isDone, isBusy, look, confirm } = useAction(action.name, filledIn(action.body, fields, filled))
  const secret = token.value
  return (
    <Dialog title={action.title} onClose={onClose}>
      {!isDone && fields.length > 0 && <Fields of={fields} filled={filled} onFill={setFilled} />}
      {secret === undefined ? <TokenForm scope={action.scope} /> : plan === undefined && isBusy && <Waiting />}
      {trouble !== undefined && <Failed trouble={trouble} again={secret === undefined ? undefined : () => void look()} />}
      {plan !== undefined && <PlanShown lines={plan.lines} isDone={isDone} />}
      {plan !== undefined && !isDone && (
        <div class="dialog-foot">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button
            type="button"
            class={action.isGrave === true ? 'primary grave' : 'primary'}
            disabled={isBusy}
            onClick={() => void confirm(plan)}
          >
            {action.label}
          </button>
        </div>
      )}
      {isDone && <Done onClose={onClose} />}
    </Dialog>
  )
}

interface Plan {
  /** Of what it is the plan. */
  readonly asked: string
  readonly digest: string
  readonly lines: readonly string[]
}

/** The plan of an action, asked for anew whenever what is asked changes, and the one way to have it done. */
function useAction(name: string, body: ActionProps['body']) {
  const [planned, setPlan] = useState<Plan>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [isDone, setDone] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [key] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join('-'))
  const secret = token.value
  const asked = JSON.stringify(body)

  const attempt = async (work: () => Promise<void>) => {
    setBusy(true)
    setTrouble(undefined)
    try {
      await work()
    } catch (error) {
      const told = troubleFrom(error)
      if (told.status === 401) keepToken(undefined, false)
      setPlan(undefined)
      setTrouble(told)
    } finally {
      setBusy(false)
    }
  }
  const look = async () => {
    if (secret === undefined) return
    await attempt(async () => {
      const answer = await act(name, { ...body, dryRun: true }, secret)
      setPlan({ asked, digest: answer.plan, lines: answer.lines })
    })
  }
  const confirm = async ({ digest }: Plan) => {
    if (secret === undefined) return
    await attempt(async () => {
      await act(name, { ...body, plan: digest }, secret, key)
      setDone(true)
      revision.value += 1
    })
  }
  useEffect(() => {
    // Not at every letter.
    const soon = setTimeout(() => void look(), planned === undefined ? 0 : 300)
    return () => clearTimeout(soon)
  }, [secret, asked])
  return { plan: planned?.asked === asked ? planned : undefined, trouble, isDone, isBusy, look, confirm }
}

type Filled = Readonly<Record<string, string>>

function filledIn(body: ActionProps['body'], fields: readonly Field[], filled: Filled): ActionProps['body'] {
  const whole: Record<string, unknown> = { ...body }
  for (const { name, into } of fields) {
    const value = filled[name]
    if (value === undefined || value === '') continue
    if (into === undefined) whole[name] = value
    else whole[into] = { ...(whole[into] as object), [name]: value }
  }
  return whole
}

function Fields({
  of,
  filled,
  onFill,
}: {
  readonly of: readonly Field[]
  readonly filled: Filled
  readonly onFill: (filled: Filled) => void
}) {
  return (
    <div class="form">
      {of.map((field) => (
        <label key={field.name}>
          {field.label}
          <input value={filled[field.name]} onChange={(event) => onFill({ ...filled, [field.name]: event.currentTarget.value })} />
        </label>
      ))}
    </div>
  )
}

function Done({ onClose }: { readonly onClose: () => void }) {
  return (
    <div class="dialog-foot">
      <p class="fine" role="status">
        Done. It is in the <a href={hrefTo(['audit'])}>audit log</a>.
      </p>
      <button type="button" class="primary" onClick={onClose}>
        Close
      </button>
    </div>
  )
}

function PlanShown({ lines, isDone }: { readonly lines: readonly string[]; readonly isDone: boolean }) {
  return (
    <>
      <h3>{isDone ? 'This was done' : 'This will be done'}</h3>
      <pre class="plan" tabIndex={0}>
        {lines.map((line) => (
          <code
            key={line}
            class={line.startsWith('+ ') ? 'plus' : line.startsWith('- ') ? 'minus' : line.startsWith('~ ') ? 'tilde' : undefined}
          >
            {line}
          </code>
        ))}
      </pre>
    </>
  )
}

/** Asked for when it is first needed. */
export function TokenForm({ scope }: { readonly scope: string }) {
  const [secret, setSecret] = useState('')
  const [stays, setStays] = useState(false)
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        if (secret.trim() !== '') keepToken(secret.trim(), stays)
      }}
    >
      <label>
        Token with the scope <code>{scope}</code>
        <input type="password" autocomplete="off" required value={secret} onInput={(event) => setSecret(event.currentTarget.value)} />
      </label>
      <label class="check">
        <input type="checkbox" checked={stays} onChange={(event) => setStays(event.currentTarget.checked)} />
        Keep it until this tab is closed
      </label>
      <p class="faint">
        <code>holdfast token create NAME --scope {scope}</code> makes one.
      </p>
      <div class="dialog-foot">
        <button type="submit" class="primary">
          Go on
        </button>
      </div>
    </form>
  )
}
