import { asOp } from '../../ops/ops.ts'
import { windowGrid } from '../../ops/window-grid.ts'
import { AXIS_CAP } from '../axis-cap.ts'
import { type LayoutRule, resultOf } from './layout-rule.ts'
import { channelsLast } from './placement.ts'

// A map stands as [B, C, H, W], its windows as [B, C, windows, window²]. Seen as [B·C·rows, window, columns, window] the way from one to the
// other is one swap that leaves the last axis alone, and the way back the same swap.

const fits = (lead: number): boolean => lead <= AXIS_CAP

export const windowPartition: LayoutRule = (source, { b, layout }) => {
  const op = asOp(source, 'window_partition')
  if (!op) return false
  const { x } = op.operands
  const { window } = op.attributes
  const [batch, height, width, channels] = x.type.shape as [number, number, number, number]
  const { rows, columns, below, right } = windowGrid(height, width, window)
  if (!fits(batch * channels * rows)) return false
  const map = layout.place(x, channelsLast(4))
  const whole = below + right > 0 ? b.pad({ x: map, pad: [0, below, 0, right] }) : map
  const grid = b.reshape({ x: whole, shape: [batch * channels * rows, window, columns, window] })
  const cut = b.reshape({ x: b.transpose({ x: grid, perm: [0, 2, 1, 3] }), shape: [batch, channels, rows * columns, window * window] })
  layout.setPlaced(resultOf(op), cut, channelsLast(4))
  return true
}

export const windowMerge: LayoutRule = (source, { b, layout }) => {
  const op = asOp(source, 'window_merge')
  if (!op) return false
  const { x } = op.operands
  const { window, height, width } = op.attributes
  const [batch, , , channels] = x.type.shape as [number, number, number, number]
  const { rows, columns, below, right } = windowGrid(height, width, window)
  if (!fits(batch * channels * rows)) return false
  const grid = b.reshape({ x: layout.place(x, channelsLast(4)), shape: [batch * channels * rows, columns, window, window] })
  const map = b.reshape({ x: b.transpose({ x: grid, perm: [0, 2, 1, 3] }), shape: [batch, channels, rows * window, columns * window] })
  const cropped = below + right > 0 ? b.slice_by_index({ x: map, begin: [0, 0, 0, 0], end: [batch, channels, height, width] }) : map
  layout.setPlaced(resultOf(op), cropped, channelsLast(4))
  return true
}
