import type { ImagePort, ImageStep, Resampling } from '@silane/core'
import type { DeployedTensor } from '../../manifest.ts'
import { identifier } from './identifier.ts'
import { indent } from './indent.ts'
import { linesOf } from './lines-of.ts'
import { preparation } from './preparation.ts'
import { scalar } from './scalar.ts'

/** An input whose pixels Swift can make of a picture, by the steps of its port. */
export interface PictureInput extends DeployedTensor {
  readonly image: ImagePort & Required<Pick<ImagePort, 'steps'>>
}

/**
 * Swift that makes of a picture what an input reads, by the steps of its port: members of the namespace `owner`, and an extension that
 * stands beside it.
 */
export function pictureCode(input: PictureInput, owner: string): { readonly members: string[]; readonly extension: string[] } {
  const { steps, picture } = input.image
  const used = (...names: readonly string[]) => steps.some(step => names.some(name => name in step))
  const parts = [
    used('resize', 'resizeLongest') ? resized : '',
    used('resizeLongest') ? longest : '',
    used('crop', 'cropSquare') ? middle : '',
    used('cropSquare') ? square : '',
    used('resize', 'resizeLongest', 'crop', 'cropSquare') ? drawn : '',
    picture ? '' : bytes,
  ].filter(code => code !== '')
  return {
    members: [...linesOf(canvas), '', ...prepare(input)],
    extension: [
      'extension CGImage {',
      ...indent(parts.flatMap((code, i) => [...(i > 0 ? [''] : []), ...linesOf(code)])).map(line =>
        line.replaceAll(/\b(?:makeCanvas|ProgramError)\b/g, name => `${owner}.${name}`),
      ),
      '}',
    ],
  }
}

const canvas = `
/// Where pictures are drawn, in sRGB and from black on. The origin of Core Graphics is the lower left corner.
func makeCanvas(
  _ data: UnsafeMutableRawPointer?, width: Int, height: Int, bytesPerRow: Int,
  layout: UInt32 = CGImageAlphaInfo.noneSkipLast.rawValue
) throws -> CGContext {
  guard
    let space = CGColorSpace(name: CGColorSpace.sRGB),
    let context = CGContext(
      data: data, width: width, height: height, bitsPerComponent: 8, bytesPerRow: bytesPerRow, space: space, bitmapInfo: layout)
  else { throw ProgramError.notDrawn }
  context.clear(CGRect(x: 0, y: 0, width: width, height: height))
  return context
}`

const resized = `
/// At another size. Core Graphics resamples in its own way and not in Pillow's, so that numbers differ slightly from those
/// that \`silane\` and transformers compute.
func resized(width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
  try drawn(CGRect(x: 0, y: 0, width: width, height: height), width: width, height: height, quality: quality)
}`

const longest = `
/// The ratio of its sides stays, and the longer one becomes this long.
func resized(longestSide: Int, quality: CGInterpolationQuality) throws -> CGImage {
  let factor = Double(longestSide) / Double(max(width, height))
  let scaled = { (side: Int) in Int((Double(side) * factor + 0.5).rounded(.down)) }
  return try resized(width: scaled(width), height: scaled(height), quality: quality)
}`

const middle = `
/// The middle; what the picture does not have is black.
func middle(width newWidth: Int, height newHeight: Int) throws -> CGImage {
  let left = (width - newWidth) >> 1
  let top = (height - newHeight) >> 1
  let place = CGRect(x: -left, y: newHeight + top - height, width: width, height: height)
  return try drawn(place, width: newWidth, height: newHeight, quality: .none)
}`

const square = `
/// A square in the middle, with this share of the shorter side.
func middleSquare(share: Double) throws -> CGImage {
  let side = Int(share * Double(min(width, height)))
  return try middle(width: side, height: side)
}`

const drawn = `
private func drawn(_ place: CGRect, width: Int, height: Int, quality: CGInterpolationQuality) throws -> CGImage {
  guard width > 0, height > 0 else { throw ProgramError.notDrawn }
  let context = try makeCanvas(nil, width: width, height: height, bytesPerRow: 4 * width)
  context.interpolationQuality = quality
  context.draw(self, in: place)
  guard let image = context.makeImage() else { throw ProgramError.notDrawn }
  return image
}`

const bytes = `
/// Red, green, blue and one byte more of each pixel, from the upper left one on.
func bytes() throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: 4 * width * height)
  try bytes.withUnsafeMutableBytes { buffer in
    let context = try makeCanvas(buffer.baseAddress, width: width, height: height, bytesPerRow: 4 * width)
    context.draw(self, in: CGRect(x: 0, y: 0, width: width, height: height))
  }
  return bytes
}`

function prepare(input: PictureInput): string[] {
  const { picture, steps } = input.image
  const [, , height, width] = input.shape
  const geometry = steps.flatMap(reshape)
  const type = picture ? 'CVPixelBuffer' : `[${scalar(input)}]`
  return [
    `/// What \`${identifier(input.name)}\` takes: ${picture ? `${width} × ${height} pixels` : `[${input.shape.join(', ')}]`}.`,
    '/// `width` and `height` are those of the part that the picture fills, from the upper left corner on. Turn a picture upright',
    '/// first: a CGImage does not say how it lies.',
    ...(picture && steps.some(step => 'pad' in step)
      ? ['/// The rest is black, where the model has zeros after scaling: a picture that does not fill it gives other numbers.']
      : []),
    `func ${preparation(input)}(of picture: CGImage) throws -> (pixels: ${type}, width: Int, height: Int) {`,
    `  let image = ${geometry.length > 0 ? 'try ' : ''}picture`,
    ...indent(geometry, 2),
    `  guard image.width <= ${width}, image.height <= ${height} else { throw ProgramError.notDrawn }`,
    ...indent(picture ? buffer(input) : tensor(input)),
    '  return (pixels: pixels, width: image.width, height: image.height)',
    '}',
  ]
}

/** A step that changes where pixels stand. What computes with them is in scale and bias. */
function reshape(step: ImageStep): string[] {
  if ('resize' in step) return [`.resized(width: ${step.resize[1]}, height: ${step.resize[0]}, quality: ${quality(step)})`]
  if ('resizeLongest' in step) return [`.resized(longestSide: ${step.resizeLongest}, quality: ${quality(step)})`]
  if ('crop' in step) return [`.middle(width: ${step.crop[1]}, height: ${step.crop[0]})`]
  if ('cropSquare' in step) return [`.middleSquare(share: ${decimal(step.cropSquare)})`]
  return []
}

const quality = ({ resampling }: { readonly resampling: Resampling }): string => (resampling === 'nearest' ? '.none' : '.high')

function tensor(input: PictureInput): string[] {
  const { scale, bias, steps, color } = input.image
  const [, channels = 3, height = 1, width = 1] = input.shape
  const type = scalar(input)
  const list = (numbers: readonly number[]) => `[${numbers.map(decimal).join(', ')}]`
  const source = color === 'bgr' ? `${channels - 1} - channel` : 'channel'
  // What is padded before anything is computed is black, and what comes of black is the bias.
  const last = steps.findLastIndex(step => 'rescale' in step || 'normalize' in step)
  const filled = steps.some((step, i) => 'pad' in step && i < last)
  const size = `${channels} * ${height} * ${width}`
  return [
    `let scale: [Float] = ${list(scale)}`,
    `let bias: [Float] = ${list(bias)}`,
    'let bytes = try image.bytes()',
    filled
      ? `var pixels = (0 ..< ${size}).map { ${type}(bias[$0 / (${height} * ${width})]) }`
      : `var pixels = [${type}](repeating: 0, count: ${size})`,
    `for channel in 0 ..< ${channels} {`,
    '  for y in 0 ..< image.height {',
    '    for x in 0 ..< image.width {',
    `      let byte = Float(bytes[4 * (y * image.width + x) + ${source}])`,
    `      pixels[(channel * ${height} + y) * ${width} + x] = ${type}(byte * scale[channel] + bias[channel])`,
    '    }',
    '  }',
    '}',
  ]
}

function buffer({ shape }: PictureInput): string[] {
  const [, , height, width] = shape
  return linesOf(`
var made: CVPixelBuffer?
CVPixelBufferCreate(kCFAllocatorDefault, ${width}, ${height}, kCVPixelFormatType_32BGRA, nil, &made)
guard let pixels = made else { throw ProgramError.notDrawn }
CVPixelBufferLockBaseAddress(pixels, [])
defer { CVPixelBufferUnlockBaseAddress(pixels, []) }
let context = try makeCanvas(
  CVPixelBufferGetBaseAddress(pixels), width: ${width}, height: ${height}, bytesPerRow: CVPixelBufferGetBytesPerRow(pixels),
  layout: CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue)
context.draw(image, in: CGRect(x: 0, y: ${height} - image.height, width: image.width, height: image.height))`)
}

/** A number that Swift reads as one with a fraction. */
const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value))
