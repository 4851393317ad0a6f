/** What a file says of itself before anything is decoded. */
export interface Header {
  readonly format: 'PNG' | 'JPEG' | 'WebP' | 'GIF'
  readonly width: number
  readonly height: number
  /** PNG: gray samples of 16 bits without a channel of alpha. */
  readonly deepGray?: boolean
  /** JPEG: times that the decoder goes over all pixels. */
  readonly scans?: number
  /** GIF: the colour of what is transparent in the first frame, and of what it leaves bare. */
  readonly bare?: readonly [red: number, green: number, blue: number]
}

/** Why a file of a known format has no header that can be read. */
export interface BrokenHeader {
  readonly format: Header['format']
  readonly problem: string
}

const text = (bytes: Uint8Array, at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length))

/** The header of a picture's file, what is wrong with it, or nothing where the format is not known. */
export function readHeader(bytes: Uint8Array): Header | BrokenHeader | undefined {
  const format = formatOf(bytes)
  if (!format) return undefined
  const header = readers[format](bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (typeof header === 'string') return { format, problem: header }
  return header.width > 0 && header.height > 0
    ? { format, ...header }
    : { format, problem: `its header tells a size of ${header.width} × ${header.height}` }
}

function formatOf(bytes: Uint8Array): Header['format'] | undefined {
  if (text(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'PNG'
  if (text(bytes, 0, 3) === '\xff\xd8\xff') return 'JPEG'
  if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 4) === 'WEBP') return 'WebP'
  return /^GIF8[79]a$/.test(text(bytes, 0, 6)) ? 'GIF' : undefined
}

type Reader = (bytes: Uint8Array, view: DataView) => Omit<Header, 'format'> | string

const SHORT = 'it ends within its header'

const readPng: Reader = (bytes, view) => {
  if (bytes.length < 33) return SHORT
  if (text(bytes, 12, 4) !== 'IHDR') return 'its first chunk is not IHDR'
  return { width: view.getUint32(16), height: view.getUint32(20), deepGray: bytes[24] === 16 && bytes[25] === 0 }
}

const readJpeg: Reader = (bytes, view) => {
  for (let at = 2; at + 4 <= bytes.length; ) {
    // Between segments a decoder skips what is no marker, and bytes of 255 before one.
    if (bytes[at] !== 0xff || bytes[at + 1] === 0xff) {
      at++
      continue
    }
    const marker = bytes[at + 1] as number
    // Markers without a body: padding, restarts and the start itself.
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2
      continue
    }
    if (marker === 0xd9 || marker === 0xda) return 'it has no frame before its pixels'
    const length = view.getUint16(at + 2)
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (at + 2 + length > bytes.length || (frame && length < 8)) return SHORT
    if (frame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), scans: countScans(bytes, view, at + 2 + length) }
    at += 2 + length
  }
  return SHORT
}

/** Up to the end of the picture: thumbnails stand before the frame, and behind the end other pictures. */
function countScans(bytes: Uint8Array, view: DataView, from: number): number {
  let scans = 0
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 4 <= bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1] as number
    if (marker === 0xd9) break
    if (marker === 0xda) scans++
    // Before 255 may stand more of it; padding of pixels, restarts, and what is no marker have no body.
    if (marker === 0xff) at++
    else at += marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd8) ? 2 : 2 + view.getUint16(at + 2)
  }
  return scans
}

const readWebp: Reader = (bytes, view) => {
  if (bytes.length < 30) return SHORT
  const kind = text(bytes, 12, 4)
  if (kind === 'VP8X') return { width: 1 + (view.getUint32(24, true) & 0xffffff), height: 1 + (view.getUint32(26, true) >>> 8) }
  if (kind === 'VP8L') {
    if (bytes[20] !== 0x2f) return 'its pixels have no signature'
    const sides = view.getUint32(21, true)
    return { width: 1 + (sides & 0x3fff), height: 1 + ((sides >>> 14) & 0x3fff) }
  }
  if (kind !== 'VP8 ') return `its first chunk is ${JSON.stringify(kind)}`
  if (text(bytes, 23, 3) !== '\x9d\x01\x2a') return 'its pixels have no signature'
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
}

const readGif: Reader = (bytes, view) => {
  if (bytes.length < 13) return SHORT
  const size = { width: view.getUint16(6, true), height: view.getUint16(8, true) }
  const table = (flags: number): number => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0)
  let colors = 13
  let clear = 0
  for (let at = 13 + table(bytes[10] as number); at + 10 <= bytes.length; ) {
    if (bytes[at] === 0x2c) {
      if (table(bytes[at + 9] as number)) colors = at + 10
      const [red = 0, green = 0, blue = 0] = bytes.subarray(colors + 3 * clear, colors + 3 * clear + 3)
      return { ...size, bare: [red, green, blue] }
    }
    if (bytes[at] !== 0x21) return 'it has no frame'
    // A graphic control extension tells which colour is transparent, if one is.
    if (bytes[at + 1] === 0xf9 && (bytes[at + 3] as number) & 1) clear = bytes[at + 6] as number
    at += 2
    while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] as number)
    at++
  }
  return SHORT
}

const readers: Readonly<Record<Header['format'], Reader>> = { PNG: readPng, JPEG: readJpeg, WebP: readWebp, GIF: readGif }

/** Whether a file that could not be read lacks its end. */
export function endsEarly(bytes: Uint8Array, format: Header['format']): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (format === 'WebP') return file.readUInt32LE(4) + 8 > file.length
  return !file.includes({ PNG: 'IEND', JPEG: '\xff\xd9', GIF: ';' }[format], format === 'GIF' ? -1 : 0, 'latin1')
}
