use thiserror::Error;

/// Why a model cannot be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The weights or the head are not a safetensors file, or the file is truncated.
    #[error("not a readable safetensors file: {0}")]
    Format(String),
    /// A tensor that the network needs is missing.
    #[error("the tensor {0} is missing")]
    Missing(String),
    /// A tensor has a type or a shape that does not fit.
    #[error("the tensor {0} has a type or a shape that does not fit")]
    Misfit(String),
    /// An operation of the network does not fit its inputs.
    #[error("{0} does not fit the tensors that it is given")]
    Shapes(String),
    /// The number of the head's outputs differs from the number of names.
    #[error("there are {names} class names for {outputs} outputs")]
    Classes {
        /// Names given.
        names: usize,
        /// Outputs of the head.
        outputs: usize,
    },
    /// The page's script would close its own element.
    #[error("the script of the classifier cannot stand inside a page")]
    Script,
    /// The archive could not be written.
    #[error("the archive could not be written: {0}")]
    Archive(String),
}
