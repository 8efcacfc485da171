"""A recipe shortened to a few minutes."""

from __future__ import annotations

from dataclasses import replace

from training.recipe import AugmentConfig, Recipe

QUICK_PASSES = 10
QUICK_TEACHER_EPOCHS = 16
QUICK_STUDENT_EPOCHS = 120
QUICK_QUANTISATION_EPOCHS = 4


def quick(recipe: Recipe) -> Recipe:
    """The same line in a few minutes: fewer copies and epochs, so lower accuracy."""
    stronger = recipe.teacher_augment
    return replace(
        recipe,
        augment=_fewer_passes(recipe.augment),
        teacher_augment=None if stronger is None else _fewer_passes(stronger),
        teachers=tuple(
            replace(teacher, epochs=min(teacher.epochs, QUICK_TEACHER_EPOCHS))
            for teacher in recipe.teachers
        ),
        distillation=replace(
            recipe.distillation,
            unlabelled_passes=min(recipe.distillation.unlabelled_passes, QUICK_PASSES),
        ),
        student=replace(recipe.student, epochs=min(recipe.student.epochs, QUICK_STUDENT_EPOCHS)),
        quantisation=replace(
            recipe.quantisation, epochs=min(recipe.quantisation.epochs, QUICK_QUANTISATION_EPOCHS)
        ),
    )


def _fewer_passes(augment: AugmentConfig) -> AugmentConfig:
    return replace(
        augment,
        passes=min(augment.passes, QUICK_PASSES),
        mix_passes=min(augment.mix_passes, QUICK_PASSES),
    )
