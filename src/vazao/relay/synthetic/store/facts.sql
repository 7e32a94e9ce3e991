-- Tables of facts as they stand before a row is in them; keys and indexes come when all rows are.

-- name: create_people
-- Citizens, and what was put down about them when they were registered.
create table tb_fat_cidadao_pec (
    co_seq_fat_cidadao_pec bigint not null, co_cidadao bigint, nu_cns varchar(15),
    nu_cpf_cidadao varchar(11), no_cidadao varchar(500), no_social_cidadao varchar(500),
    co_dim_tempo_nascimento bigint, co_dim_sexo bigint, co_dim_raca_cor bigint,
    co_dim_identidade_genero bigint, nu_telefone_celular varchar(20), st_faleceu integer,
    co_dim_tempo_obito bigint, co_dim_unidade_saude_vinc bigint, co_dim_equipe_vinc bigint,
    st_lookup_etl integer
);
create table tb_fat_cad_individual (
    co_seq_fat_cad_individual bigint not null, nu_uuid_ficha varchar(44), co_dim_tempo bigint,
    co_dim_profissional bigint, co_dim_cbo bigint, co_dim_unidade_saude bigint,
    co_dim_equipe bigint, co_dim_municipio bigint, co_fat_cidadao_pec bigint, nu_cns varchar(15),
    nu_cpf_cidadao varchar(11), co_dim_tempo_nascimento bigint, co_dim_raca_cor bigint,
    co_dim_sexo bigint, co_dim_nacionalidade bigint, co_dim_escolaridade bigint,
    co_dim_situacao_trabalho bigint, co_dim_saida_cadastro bigint, nu_micro_area varchar(2),
    st_responsavel_familiar integer, st_gestante integer, st_hipertensao_arterial integer,
    st_diabete integer, st_fumante integer, st_alcool integer, st_outra_droga integer,
    st_avc integer, st_infarto integer, st_doenca_cardiaca integer, st_doenca_respira integer,
    st_problema_rins integer, st_cancer integer, st_hanseniase integer, st_tuberculose integer,
    st_acamado integer, st_domiciliado integer, st_recusa_cadastro integer,
    st_ficha_inativa integer
);
create table tb_fat_cidadao_territorio (
    co_seq_fat_cidadao_territorio bigint not null, co_fat_cidadao_pec bigint,
    co_fat_familia_territorio bigint, co_dim_unidade_saude bigint, co_dim_equipe bigint,
    st_mudou_se integer, st_vivo integer, st_cidadao_consistente integer
)

-- name: create_homes
-- Homes, the families in them, and who visits them.
create table tb_fat_cad_domiciliar (
    co_seq_fat_cad_domiciliar bigint not null, co_dim_tempo bigint, co_dim_unidade_saude bigint,
    co_dim_equipe bigint, co_dim_municipio bigint, co_dim_tipo_imovel bigint,
    co_dim_tipo_domicilio bigint, co_dim_tipo_abastecimento_agua bigint,
    co_dim_tipo_escoamento bigint, co_dim_destino_lixo bigint, nu_micro_area varchar(2),
    nu_comodo integer, qt_morador integer, st_disponibilidade_energia integer
);
create table tb_fat_cad_dom_familia (
    co_seq_fat_cad_dom_familia bigint not null, co_fat_cad_domiciliar bigint, co_dim_tempo bigint,
    co_dim_renda_familiar bigint, qt_membros_familia integer, st_mudou integer
);
create table tb_fat_familia_territorio (
    co_seq_fat_familia_territorio bigint not null, co_fat_cad_domiciliar bigint,
    co_fat_cidadao_pec bigint, co_dim_equipe bigint, nu_micro_area varchar(2)
);
create table tb_fat_visita_domiciliar (
    co_seq_fat_visita_domiciliar bigint not null, co_fat_cidadao_pec bigint, co_dim_tempo bigint,
    co_dim_profissional bigint, co_dim_cbo bigint, co_dim_unidade_saude bigint,
    co_dim_equipe bigint, co_dim_municipio bigint, co_dim_turno bigint,
    co_dim_desfecho_visita bigint, nu_micro_area varchar(2), st_acomp_gestante integer,
    st_acomp_pessoa_hipertensao integer, st_acomp_pessoa_diabetes integer
)

-- name: create_visits
-- Consultations with their problems and procedures; what nurses and dentists did. The units and
-- teams are numbered as in PEC: two professionals may have seen the citizen together.
create table tb_fat_atendimento_individual (
    co_seq_fat_atd_ind bigint not null, nu_uuid_ficha varchar(44), co_fat_cidadao_pec bigint,
    nu_cns varchar(15), nu_cpf_cidadao varchar(11), co_dim_tempo bigint,
    dt_inicial_atendimento timestamp, dt_final_atendimento timestamp, co_dim_profissional_1 bigint,
    co_dim_cbo_1 bigint, co_dim_unidade_saude_1 bigint, co_dim_equipe_1 bigint,
    co_dim_profissional_2 bigint, co_dim_cbo_2 bigint, co_dim_unidade_saude_2 bigint,
    co_dim_equipe_2 bigint, co_dim_municipio bigint, co_dim_tempo_nascimento bigint,
    co_dim_sexo bigint, co_dim_faixa_etaria bigint, co_dim_turno bigint,
    co_dim_local_atendimento bigint, co_dim_tipo_atendimento bigint, co_dim_aleitamento bigint,
    co_dim_racionalidade_saude bigint, nu_peso double precision, nu_altura double precision,
    nu_pressao_sistolica integer, nu_pressao_diastolica integer, nu_glicemia integer,
    co_dim_tempo_dum bigint, nu_idade_gestacional_semanas integer, nu_gestas_previas integer,
    nu_partos integer, st_gravidez_planejada integer, st_vacinacao_em_dia integer
);
create table tb_fat_atd_ind_problemas (
    co_seq_fat_atd_ind_problemas bigint not null, co_fat_atd_ind bigint, co_fat_cidadao_pec bigint,
    co_dim_tempo bigint, co_dim_equipe_1 bigint, co_dim_ciap bigint, co_dim_cid bigint,
    co_dim_situacao_problema bigint
);
create table tb_fat_atd_ind_procedimentos (
    co_seq_fat_atd_ind_proced bigint not null, co_fat_atd_ind bigint, co_fat_cidadao_pec bigint,
    co_dim_tempo bigint, co_dim_equipe_1 bigint, co_dim_procedimento_avaliado bigint,
    co_dim_procedimento_solicitado bigint
);
create table tb_fat_proced_atend (
    co_seq_fat_proced_atend bigint not null, co_fat_cidadao_pec bigint, co_dim_tempo bigint,
    co_dim_profissional bigint, co_dim_cbo bigint, co_dim_unidade_saude bigint,
    co_dim_equipe bigint, co_dim_municipio bigint, nu_pressao_sistolica integer,
    nu_pressao_diastolica integer
);
create table tb_fat_proced_atend_proced (
    co_seq_fat_proced_atend_proced bigint not null, co_fat_procedimento bigint,
    co_fat_cidadao_pec bigint, co_dim_tempo bigint, co_dim_equipe bigint, co_dim_procedimento bigint
);
create table tb_fat_atendimento_odonto (
    co_seq_fat_atd_odnt bigint not null, co_fat_cidadao_pec bigint, co_dim_tempo bigint,
    co_dim_profissional_1 bigint, co_dim_cbo_1 bigint, co_dim_unidade_saude_1 bigint,
    co_dim_equipe_1 bigint, co_dim_municipio bigint, co_dim_tipo_consulta bigint,
    st_gestante integer
);
create table tb_fat_atend_odonto_proced (
    co_seq_fat_atd_odnt_proced bigint not null, co_fat_atd_odnt bigint, co_fat_cidadao_pec bigint,
    co_dim_tempo bigint, co_dim_procedimento bigint, qt_procedimentos integer
)

-- name: create_vaccinations
-- Vaccinations, and the doses given at each.
create table tb_fat_vacinacao (
    co_seq_fat_vacinacao bigint not null, nu_uuid_ficha varchar(44), co_fat_cidadao_pec bigint,
    nu_cns varchar(15), nu_cpf_cidadao varchar(11), co_dim_tempo bigint,
    co_dim_profissional bigint, co_dim_cbo bigint, co_dim_unidade_saude bigint,
    co_dim_equipe bigint, co_dim_municipio bigint, co_dim_sexo bigint, co_dim_turno bigint,
    co_dim_local_atendimento bigint, st_gestante integer, st_puerpera integer, st_viajante integer
);
create table tb_fat_vacinacao_vacina (
    co_seq_fat_vacinacao_vacina bigint not null, co_fat_vacinacao bigint, co_fat_cidadao_pec bigint,
    co_dim_tempo bigint, co_dim_tempo_vacina_aplicada bigint, co_dim_imunobiologico bigint,
    co_dim_dose_imunobiologico bigint, co_dim_estrategia_vacinacao bigint,
    co_dim_via_administracao bigint, co_dim_local_aplicacao bigint, no_lote varchar(30),
    st_registro_anterior integer, st_aplicado_exterior integer
)

-- name: create_other_facts
-- The rest: tables that no list reads, each with some rows. A source has them, and a look at its
-- catalogue meets them.
do $$
declare noun text;
begin
    foreach noun in array string_to_array('agendamento atd_ind_encaminhamentos atd_ind_exames '
        'atd_ind_medicamentos atd_ind_profissionais atend_dom_prob_cond atend_dom_proced '
        'atend_odonto_encaminham atend_odonto_exames atend_odonto_fornecimento '
        'atend_odonto_medicament atend_odonto_problemas atendimento_domiciliar '
        'atividade_coletiva atvdd_coletiva_ext atvdd_coletiva_int atvdd_coletiva_part '
        'atvdd_coletiva_propart aval_eleg_condicao avaliacao_elegibilidade busca_ativa '
        'cad_dom_animal cidadao_raiz cuidado_compartilhado evolucao_odonto ivcf lista_espera '
        'marca_consumo_alimnt obito prenatal_odonto proced_odonto rel_op_crianca rel_op_gestante '
        'rel_op_risco_cardio resultado_exame sindrome_neuro_zika transmissao_ficha '
        'vigilancia_alimentar', ' ')
    loop
        execute format('create table tb_fat_%1$s (co_seq_fat_%1$s bigint not null, '
            'co_fat_cidadao_pec bigint, co_dim_tempo bigint, co_dim_profissional bigint, '
            'co_dim_unidade_saude bigint, co_dim_equipe bigint, co_dim_municipio bigint, '
            'nu_uuid_ficha varchar(44))', noun);
        execute format('insert into tb_fat_%s select i, pg_temp.pick(i, 901, citizens), '
            'pg_temp.key(day - pg_temp.pick(i, 902, 900)), '
            '1 + pg_temp.pick(i, 903, professionals), p.unit, p.team, 2, md5(%L || i) '
            'from plan, generate_series(1, citizens / (5 + length(%L))) as i '
            'join person as p on p.n = 1 + i', noun, noun, noun);
    end loop;
end $$

-- name: create_processing
-- When PEC last brought its facts up to date: each night, shortly after midnight.
create table tb_relatorio_processamento (
    co_seq_relatorio_processamento bigint not null, dt_processamento timestamp, st_sucesso integer
);
insert into tb_relatorio_processamento
select i, day - (60 - i::integer) + interval '5 minutes', 1 from plan, generate_series(1, 60) as i

-- name: add_keys
-- A primary key on the first column of every table, and an index on what lists join by, as PEC has
-- them. After the rows: an index made at once is several times as cheap as one that grows.
do $$
declare place record;
begin
    for place in
        select c.relname, a.attname, a.attnum from pg_class as c
        join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        and (a.attnum = 1 or c.relname like 'tb\_fat\_%' and a.attname in (
            'co_fat_cidadao_pec', 'co_dim_tempo', 'co_fat_atd_ind', 'co_fat_vacinacao',
            'co_fat_procedimento', 'co_fat_atd_odnt', 'co_fat_cad_domiciliar'))
        order by c.relname, a.attnum
    loop
        if place.attnum = 1 then
            execute format('alter table %I add primary key (%I)', place.relname, place.attname);
        else
            execute format('create index on %I (%I)', place.relname, place.attname);
        end if;
    end loop;
end $$

-- name: analyze_tables
-- What the planner knows of the tables, as autovacuum would have found it out by and by.
do $$
declare place record;
begin
    for place in
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname
    loop
        execute format('analyze %I', place.relname);
    end loop;
end $$
