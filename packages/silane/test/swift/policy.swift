// gym: DecisionTransformerModel, reinforcement-learning. Written by silane …; another conversion replaces it.
// Add this file and model.mlpackage to a target. Xcode compiles packages into the app.
// Begin with `GymModel.Policy`; the structs that end in Program are the packages, a call each.

import CoreML
import Foundation

enum GymModel {
  final class Policy {
    /// Steps that the policy sees.
    static let context = 20
    /// Steps that an episode may have.
    static let longest = 120

    /// What is kept of an episode.
    struct Episode {
      struct Step {
        var state: [Float]
        var action: [Float]
        /// The return that is still wanted, divided by `scale`.
        var wanted: Float
        var time: Int32
      }

      /// The sum of rewards to earn, as the environment counts them.
      let targetReturn: Float
      /// What returns and rewards are divided by, as in training.
      var scale: Float = 1000
      /// Of each number of a state over the data of the training; without them states come normalised.
      var mean: [Float] = []
      var deviation: [Float] = []
      var steps: [Step] = []
    }

    let model: ModelProgram

    init() throws {
      model = try ModelProgram()
    }

    /// The action to take in a state. `reward`: of the action before; the first state of an episode has none.
    func act(in state: [Float], reward: Float = 0, of episode: inout Episode) throws -> [Float] {
      let normalized = episode.mean.isEmpty
      guard state.count == 11, normalized || (episode.mean.count == 11 && episode.deviation.count == 11) else {
        throw ProgramError.wrongCount(state.count)
      }
      let time = episode.steps.last.map { $0.time + 1 } ?? 0
      guard time < Self.longest else { throw ProgramError.wrongCount(Int(time)) }
      let step = Episode.Step(
        state: normalized ? state : state.indices.map { (state[$0] - episode.mean[$0]) / episode.deviation[$0] },
        action: [Float](repeating: 0, count: 3),
        wanted: episode.steps.last.map { $0.wanted - reward / episode.scale } ?? episode.targetReturn / episode.scale,
        time: time
      )
      var steps = Array((episode.steps + [step]).suffix(Self.context))
      let behind = Self.context - steps.count
      let missing = [Int32](repeating: 0, count: behind)
      let before = { (width: Int) in [Float](repeating: 0, count: behind * width) }
      let states = MLShapedArray<Float16>(
        scalars: (before(11) + steps.flatMap { $0.state }).map { Float16($0) }, shape: [1, 20, 11])
      let actions = MLShapedArray<Float16>(
        scalars: (before(3) + steps.flatMap { $0.action }).map { Float16($0) }, shape: [1, 20, 3])
      let returnsToGo = MLShapedArray<Float16>(
        scalars: (before(1) + steps.map { $0.wanted }).map { Float16($0) }, shape: [1, 20, 1])
      let output = try model.predict(
        states: MLMultiArray(states), actions: MLMultiArray(actions), returnsToGo: MLMultiArray(returnsToGo),
        timesteps: missing + steps.map { $0.time }, attentionMask: missing + steps.map { _ in 1 }
      ).actionPreds
      let action = output[0, Self.context - 1].scalars.map { Float($0) }
      steps[steps.count - 1].action = action
      episode.steps = steps
      return action
    }

    /// Plays an episode: `environment` carries an action out, and gives the state after it and its reward, or nil at the end.
    func rollout(
      from state: [Float], episode: Episode, environment: ([Float]) throws -> (state: [Float], reward: Float)?
    ) throws -> Episode {
      var episode = episode
      var action = try act(in: state, of: &episode)
      while let next = try environment(action) {
        action = try act(in: next.state, reward: next.reward, of: &episode)
      }
      return episode
    }
  }

  enum ProgramError: Error {
    /// A package is not in the app's bundle, or an output not in its program.
    case missing(String)
    /// So many tokens, points or rows are not what a program takes.
    case wrongCount(Int)
  }

  struct ModelProgram {
    let model: MLModel

    init() throws {
      model = try loadModel("model")
    }

    /// `states`: [1, 20, 11]
    /// `actions`: [1, 20, 3]
    /// `returnsToGo`: [1, 20, 1]
    /// `timesteps`: [1, 20], row by row
    /// `attentionMask`: [1, 20], row by row
    /// Gives `statePreds` [1, 20, 11], `actionPreds` [1, 20, 3], `returnPreds` [1, 20, 1]
    func predict(
      states: MLMultiArray, actions: MLMultiArray, returnsToGo: MLMultiArray, timesteps: [Int32],
      attentionMask: [Int32]
    ) throws -> (statePreds: MLShapedArray<Float16>, actionPreds: MLShapedArray<Float16>, returnPreds: MLShapedArray<Float16>) {
      let inputs = try MLDictionaryFeatureProvider(dictionary: [
        "states": states,
        "actions": actions,
        "returns_to_go": returnsToGo,
        "timesteps": MLMultiArray(MLShapedArray<Int32>(scalars: timesteps, shape: [1, 20])),
        "attention_mask": MLMultiArray(MLShapedArray<Int32>(scalars: attentionMask, shape: [1, 20])),
      ])
      let outputs = try model.prediction(from: inputs)
      return try (
        statePreds: MLShapedArray<Float16>(tensor("state_preds", of: outputs)),
        actionPreds: MLShapedArray<Float16>(tensor("action_preds", of: outputs)),
        returnPreds: MLShapedArray<Float16>(tensor("return_preds", of: outputs))
      )
    }
  }

  /// A package, which Xcode has compiled into the app.
  static func loadModel(_ name: String) throws -> MLModel {
    guard let url = Bundle.main.url(forResource: name, withExtension: "mlmodelc") else { throw ProgramError.missing(name) }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = .cpuAndNeuralEngine
    return try MLModel(contentsOf: url, configuration: configuration)
  }

  /// The tensor that an output is.
  static func tensor(_ name: String, of outputs: MLFeatureProvider) throws -> MLMultiArray {
    guard let array = outputs.featureValue(for: name)?.multiArrayValue else { throw ProgramError.missing(name) }
    return array
  }
}
