/** A process to be killed: plays one command. Arguments: one JSON of `ChildJob`. Where it lives to the end it says how often it could have died. */
import { type Death, openScene, type Place, type PlayName, plays } from './scene.ts'

export interface ChildJob {
  readonly place: Place
  readonly play: PlayName
  readonly death: Death
}

if (import.meta.main) {
  const { place, play, death } = JSON.parse(process.argv[2] ?? '') as ChildJob
  const scene = openScene(place, death)
  process.stdout.write('begins\n')
  await plays[play].run(scene)
  process.stdout.write(`${JSON.stringify({ points: scene.points() })}\n`)
  await scene.close()
}
