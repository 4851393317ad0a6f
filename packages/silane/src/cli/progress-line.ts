import type { Progress } from '../convert/convert-options.ts'
import { formatBytes } from '../format-bytes.ts'
import { formatSeconds } from './format.ts'
import { style, terminal } from './terminal.ts'

/** Redraws per second: more would cost time and flicker. */
const RATE = 10

/** Seconds of a step, and bytes of a download, that are worth a line where nothing can be redrawn. */
const WORTH_SECONDS = 0.5
const WORTH_BYTES = 1e6

/** Before that a speed is a guess. */
const SETTLED = 1

/** What is going on: one line that is redrawn on a terminal; where stderr is a file or a pipe, a line for each step that is done. */
export interface ProgressLine {
  readonly show: (progress: Progress) => void
  /** A line that stays. */
  readonly note: (text: string) => void
  readonly clear: () => void
}

/** What has come of one thing, and since when. */
interface Track {
  readonly since: number
  /** Bytes that were there already. */
  readonly from: number
  bytes: number
  total: number
}

export function progressLine(stream: NodeJS.WriteStream = process.stderr, now = () => performance.now() / 1000): ProgressLine {
  let drawn: number | undefined
  let last = ''
  const tracks = new Map<string, Track>()
  const clear = () => {
    if (drawn !== undefined) terminal.redraw('', stream)
    drawn = undefined
  }
  const follow = ({ step, bytes = 0, total = 0 }: Progress): void => {
    const track = tracks.get(step) ?? { since: now(), from: bytes, bytes, total }
    tracks.set(step, Object.assign(track, { bytes, total }))
  }
  const line = (text: string) => {
    if (!stream.isTTY && !terminal.quiet) terminal.line(text, stream)
  }
  /** Of a step, or of a file that has come: the last word on it. */
  const finish = (progress: Progress): boolean => {
    const { step, seconds, bytes, total } = progress
    if (seconds !== undefined) {
      // What belongs to it is done too.
      for (const name of tracks.keys()) if (name.startsWith(`${step} `)) tracks.delete(name)
      if (seconds >= WORTH_SECONDS) line(`${step} … ${formatSeconds(seconds)}`)
      return true
    }
    const track = tracks.get(step)
    if (!step.startsWith(DOWNLOAD) || !track || bytes === undefined || bytes !== total) return false
    tracks.delete(step)
    const took = now() - track.since
    const came = bytes - track.from
    if (came > 0 && (came >= WORTH_BYTES || took >= SETTLED))
      line(`downloaded ${step.slice(DOWNLOAD.length)} ${formatBytes(came)} in ${formatSeconds(took)}`)
    return true
  }
  return {
    show: progress => {
      if (progress.bytes !== undefined) follow(progress)
      if (finish(progress) || !stream.isTTY || terminal.quiet) return
      // Of several downloads at once, one line.
      const key = progress.step.startsWith(DOWNLOAD) ? DOWNLOAD : progress.step
      if (key === last && drawn !== undefined && now() - drawn < 1 / RATE) return
      last = key
      const text = described(progress, tracks, now()).slice(0, (stream.columns ?? 80) - 3)
      terminal.redraw(style('dim', `… ${text}`, stream), stream)
      drawn = now()
    },
    note: text => {
      clear()
      terminal.note(text)
    },
    clear,
  }
}

const DOWNLOAD = 'download '

/** The step, how far it is, how fast, and how long it will take: `download x 45 %, 41.0 MB of 90.9 MB, 11.2 MB/s, 4.4 s left`. */
function described({ step, fraction }: Progress, tracks: ReadonlyMap<string, Track>, now: number): string {
  const own = step.startsWith(DOWNLOAD)
    ? [...tracks].filter(([name]) => name.startsWith(DOWNLOAD))
    : [...tracks].filter(([name]) => name === step)
  const name = own.length > 1 ? `${DOWNLOAD}${own.length} files` : step
  if (own.length === 0) return fraction === undefined ? name : `${name} ${Math.round(fraction * 100)} %`
  const sum = (of: (track: Track) => number): number => own.reduce((total, [, track]) => total + of(track), 0)
  const [bytes, total, came] = [sum(track => track.bytes), sum(track => track.total), sum(track => track.bytes - track.from)]
  const took = now - Math.min(...own.map(([, track]) => track.since))
  const speed = came / took
  const pace = took < SETTLED || speed <= 0 ? [] : [`${formatBytes(Math.round(speed))}/s`, `${formatSeconds((total - bytes) / speed)} left`]
  return [
    `${name} ${total === 0 ? 100 : Math.round((bytes / total) * 100)} %`,
    `${formatBytes(bytes)} of ${formatBytes(total)}`,
    ...pace,
  ].join(', ')
}
