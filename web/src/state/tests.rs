//! The reducer, action by action.

use super::*;

fn image(id: u32, target: Target) -> NewImage {
    NewImage {
        id: SampleId(id),
        name: format!("{id}.jpg").into(),
        target,
        part: Part::Train,
        burst: None,
    }
}

fn intake(added: Vec<NewImage>) -> Action {
    Action::Intake(IntakeSlice {
        added,
        ..IntakeSlice::default()
    })
}

fn names(state: &State) -> Vec<String> {
    state
        .project
        .classes
        .iter()
        .map(|class| class.name.clone())
        .collect()
}

#[test]
fn an_import_replaces_the_untouched_classes() {
    let mut state = State::new(DevicePreference::Auto);
    state.apply(intake(vec![
        image(1, Target::Named("Cats".into())),
        image(2, Target::Named("Dogs".into())),
        image(3, Target::Named("Cats".into())),
    ]));
    assert_eq!(names(&state), ["Cats", "Dogs"]);
    assert_eq!(state.project.len(), 3);
}

#[test]
fn an_import_leaves_touched_classes_alone() {
    let mut state = State::new(DevicePreference::Auto);
    let first = state.project.classes.first().expect("stands there").id;
    state.apply(Action::RenameClass(first, "Mine".into()));
    state.apply(intake(vec![image(1, Target::Named("Class 2".into()))]));
    assert_eq!(names(&state), ["Mine", "Class 2"]);
}

#[test]
fn images_for_a_class_that_is_gone_are_let_go() {
    let mut state = State::new(DevicePreference::Auto);
    let first = state.project.classes.first().expect("stands there").id;
    state.apply(Action::DeleteClass(first));
    state.apply(intake(vec![image(7, Target::Class(first))]));
    assert_eq!(state.kept_samples().count(), 0);
    assert_eq!(state.project.highest_sample, 7);
}

#[test]
fn train_says_why_not() {
    let mut state = State::new(DevicePreference::Auto);
    state.apply(Action::Train);
    assert!(state.run.is_none());
    assert_eq!(state.notices.items.len(), 1);
}

#[test]
fn a_run_waits_for_the_engine_and_can_be_stopped_before() {
    let mut state = State::new(DevicePreference::Auto);
    state.apply(intake(vec![
        image(1, Target::Named("Cats".into())),
        image(2, Target::Named("Dogs".into())),
    ]));
    state.apply(Action::Train);
    assert!(state.run.is_some());
    state.apply(Action::StopTraining);
    assert!(state.run.is_none());
}

#[test]
fn a_restart_keeps_the_run_unless_it_was_to_stop() {
    let mut state = State::new(DevicePreference::Auto);
    state.apply(intake(vec![
        image(1, Target::Named("Cats".into())),
        image(2, Target::Named("Dogs".into())),
    ]));
    state.engine.phase = Phase::Ready;
    state.apply(Action::Train);
    state.apply(Action::EngineRestarted { reason: None });
    assert!(state.run.is_some());
    state.engine.phase = Phase::Ready;
    state.apply(Action::StopTraining);
    assert!(state.run.is_some());
    state.apply(Action::EngineRestarted {
        reason: Some("It died.".into()),
    });
    assert!(state.run.is_none());
}

#[test]
fn the_camera_is_handed_over_and_let_go_by_its_owner_only() {
    let mut state = State::new(DevicePreference::Auto);
    let owner = CameraOwner::Class(ClassId(1));
    state.apply(Action::OpenCamera(owner));
    state.apply(Action::OpenCamera(CameraOwner::Try));
    state.apply(Action::CloseCamera(owner));
    assert_eq!(state.camera, Some(CameraOwner::Try));
    state.apply(Action::CloseCamera(CameraOwner::Try));
    assert_eq!(state.camera, None);
}

#[test]
fn the_tour_ends_where_there_is_nothing_to_show() {
    let mut state = State::new(DevicePreference::Auto);
    state.apply(Action::SetStage(Stage::Editing));
    state.apply(Action::SetTour(Some(2)));
    assert_eq!(state.tour, Some(2));
    state.apply(Action::SetStage(Stage::Start(Vec::new())));
    assert_eq!(state.tour, None);
}
