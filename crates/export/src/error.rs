use thiserror::Error;

/// Why a model cannot be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// Weights or head are not a safetensors file, or cut off.
    #[error("not a readable safetensors file: {0}")]
    Format(String),
    /// A tensor that the network needs is not there.
    #[error("the tensor {0} is missing")]
    Missing(String),
    /// A tensor has a type or a shape that does not fit.
    #[error("the tensor {0} has a type or a shape that does not fit")]
    Misfit(String),
    /// A step of the network does not fit what it is given.
    #[error("{0} does not fit the tensors that it is given")]
    Shapes(String),
    /// The head has another number of outputs than there are names.
    #[error("there are {names} class names for {outputs} outputs")]
    Classes {
        /// Names given.
        names: usize,
        /// Outputs of the head.
        outputs: usize,
    },
    /// The script of the page would end its own element.
    #[error("the script of the classifier cannot stand inside a page")]
    Script,
    /// The archive could not be written.
    #[error("the archive could not be written: {0}")]
    Archive(String),
}
