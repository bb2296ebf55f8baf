//! What is rendered of the images, the compose file and the Kubernetes resources, against the workspace.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod components;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod dockerfiles;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod ingress;
#[cfg(test)]
mod names;
#[cfg(test)]
mod network;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod support;
